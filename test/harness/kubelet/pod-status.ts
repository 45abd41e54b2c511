/** The status of a pod, from what became of its containers. */
import { terminatedOf, type ContainerRecord } from "./container-record.ts";
import type { Condition, Pod } from "./pod.ts";

export interface PodFacts {
  readonly podIp: string;
  readonly nodeIp: string;
  readonly startedAt: string;
  /** The volumes are there. */
  readonly hasVolumes: boolean;
  /** Why they are not. */
  readonly waitsFor?: string;
  readonly inits: readonly ContainerRecord[];
  readonly containers: readonly ContainerRecord[];
}

export type Phase = "Pending" | "Running" | "Succeeded" | "Failed";

/** Where a pod is in its life. */
export function phaseOf({ inits, containers }: Pick<PodFacts, "inits" | "containers">): Phase {
  if (inits.some(hasFailed)) return "Failed";
  if (containers.every((record) => record.isOver)) return containers.some(hasFailed) ? "Failed" : "Succeeded";
  return containers.some(({ state, lastState }) => !("waiting" in state) || lastState) ? "Running" : "Pending";
}

function hasFailed(record: ContainerRecord): boolean {
  return record.isOver && terminatedOf(record)?.exitCode !== 0;
}

/** The whole status; `before` keeps the times of conditions that have not changed, `now` is RFC 3339. */
export function statusOf(pod: Pod, facts: PodFacts, before: readonly Condition[], now: string): object {
  const { podIp, nodeIp, startedAt, inits, containers, waitsFor } = facts;
  const { generation } = pod.metadata;
  return {
    phase: phaseOf(facts),
    observedGeneration: generation,
    podIP: podIp,
    podIPs: [{ ip: podIp }],
    hostIP: nodeIp,
    hostIPs: [{ ip: nodeIp }],
    startTime: startedAt,
    message: waitsFor ?? null,
    conditions: conditionsOf(pod, facts).map(({ type, status, reason = null, message = null }) => {
      const old = before.find((condition) => condition.type === type);
      const lastTransitionTime = old?.status === status ? (old.lastTransitionTime ?? now) : now;
      return { type, status, reason, message, lastTransitionTime, observedGeneration: generation };
    }),
    initContainerStatuses: inits.map(containerStatus),
    containerStatuses: containers.map(containerStatus),
  };
}

function containerStatus(record: ContainerRecord): object {
  const { name, image, state, lastState = {}, restartCount, started, ready } = record;
  const containerID = `process://${name}-${restartCount}`;
  return { name, image, imageID: image, containerID, state, lastState, restartCount, started, ready };
}

/** In the order of a pod's life. */
function conditionsOf(pod: Pod, facts: PodFacts): readonly Condition[] {
  const { hasVolumes, inits, containers } = facts;
  const phase = phaseOf(facts);
  const isDone = phase === "Succeeded" || phase === "Failed";
  const isInitialized = inits.every((record) => terminatedOf(record)?.exitCode === 0);
  const unready = containers.filter(({ ready }) => !ready).map(({ name }) => name);
  const closed = (pod.spec.readinessGates ?? []).filter(
    ({ conditionType }) =>
      !pod.status?.conditions?.some(({ type, status }) => type === conditionType && status === "True"),
  );
  const why = isDone
    ? { reason: "PodCompleted" }
    : { reason: "ContainersNotReady", message: `containers with unready status: [${unready.join(" ")}]` };
  return [
    { type: "PodScheduled", status: "True" },
    say("PodReadyToStartContainers", hasVolumes && !isDone, {}),
    say("Initialized", isInitialized, { reason: "ContainersNotInitialized" }),
    say("ContainersReady", !isDone && unready.length === 0, why),
    say(
      "Ready",
      !isDone && unready.length === 0 && closed.length === 0,
      closed.length > 0 ? { reason: "ReadinessGatesNotReady" } : why,
    ),
  ];
}

function say(type: string, holds: boolean, otherwise: Pick<Condition, "reason" | "message">): Condition {
  return holds ? { type, status: "True" } : { type, status: "False", ...otherwise };
}
