/** One pod on this node, from its binding to its removal. */
import { join } from "node:path";
import { isApiError } from "../../../cluster/kubernetes/api-error.ts";
import type { Api } from "../../../cluster/kubernetes/api.ts";
import { containerLife, type ContainerLife } from "./container-life.ts";
import { terminatedOf, timeOf } from "./container-record.ts";
import type { Place } from "./downward.ts";
import { specOf } from "./container-spec.ts";
import type { Objects } from "./environment.ts";
import type { Condition, Container, Pod } from "./pod.ts";
import { statusOf } from "./pod-status.ts";
import { pause } from "./probing.ts";
import { reporter } from "./status-reporter.ts";
import { podTokens } from "./tokens.ts";
import { materialise, removeVolumes, type Folders } from "./volumes.ts";

export interface PodRunOptions {
  readonly api: Api;
  readonly objects: Objects;
  readonly place: Place;
  /** A folder of the pod's own, that is there; it has the folder `hosts`. */
  readonly folder: string;
  /** Where roots of containers are mounted. */
  readonly mountPoint: string;
  readonly logFile: (container: string) => string;
  readonly claimFolder: (namespace: string, claim: string) => string | undefined;
}

export interface PodRun {
  readonly podIp: string;
  /** The pod as the API server has it now. */
  update(pod: Pod): void;
  /** Brings the volumes up to date. */
  refresh(): Promise<void>;
  /** Sends a signal to each of its containers that runs. */
  signal(name: NodeJS.Signals): void;
  /** Ends every container within the grace, in milliseconds, and takes the pod from the API server. */
  end(grace: number): Promise<void>;
}

const pollOfMissing = 250;

/** Starts a pod. */
export function startPod(first: Pod, options: PodRunOptions): PodRun {
  const { api, objects, place, folder } = options;
  const stopping = new AbortController();
  const tokens = podTokens(api, first);
  const startedAt = timeOf(Date.now());
  let pod = first;
  let folders: Folders | undefined;
  let waitsFor: string | undefined;
  let ending: Promise<void> | undefined;
  let conditions = first.status?.conditions ?? [];

  const status = reporter(async () => {
    const facts = {
      podIp: place.podIp,
      nodeIp: place.nodeIp,
      startedAt,
      hasVolumes: folders !== undefined,
      ...(waitsFor !== undefined && { waitsFor }),
      inits: inits.map((life) => life.record()),
      containers: containers.map((life) => life.record()),
    };
    conditions = await patchStatus(api, pod, statusOf(pod, facts, conditions, timeOf(Date.now())));
  }, new AbortController().signal);

  const lifeOf = (container: Container, isInit: boolean): ContainerLife => {
    const policy = pod.spec.restartPolicy ?? "Always";
    const grace = (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    const restartPolicy = isInit && policy === "Always" ? "OnFailure" : policy;
    return containerLife({
      container,
      podIp: place.podIp,
      restartPolicy,
      grace,
      specOf: () => specOf(container, { ...options, pod, folders: folders ?? new Map() }),
      onChange: () => status.report(),
    });
  };
  const inits: readonly ContainerLife[] = (pod.spec.initContainers ?? []).map((container) => lifeOf(container, true));
  const containers: readonly ContainerLife[] = pod.spec.containers.map((container) => lifeOf(container, false));

  async function refresh(): Promise<void> {
    await tokens.renew(Date.now());
    folders = materialise(join(folder, "volumes"), pod, {
      pod,
      place,
      objects,
      token: (projection) => tokens.of(projection),
      claimFolder: (claim) => options.claimFolder(pod.metadata.namespace, claim),
    });
  }

  async function mountVolumes(): Promise<void> {
    while (!stopping.signal.aborted && !folders) {
      try {
        await refresh();
        waitsFor = undefined;
      } catch (error) {
        waitsFor = `FailedMount: ${error instanceof Error ? error.message : String(error)}`;
        await pause(pollOfMissing, stopping.signal);
      }
      status.report();
    }
  }

  async function live(): Promise<void> {
    status.report();
    await mountVolumes();
    for (const init of inits) {
      if (stopping.signal.aborted) return;
      await init.run();
      if (terminatedOf(init.record())?.exitCode !== 0) return;
    }
    if (!stopping.signal.aborted) await Promise.all(containers.map((life) => life.run()));
  }
  const living = live();

  const stopAll = (grace: number) => Promise.all([...inits, ...containers].map((life) => life.stop(grace)));
  async function end(grace: number): Promise<void> {
    stopping.abort();
    await stopAll(grace);
    await living;
    status.report();
    await status.flush();
    await removePod(api, pod);
    removeVolumes(folder);
  }

  return {
    podIp: place.podIp,
    update: (now) => void (pod = now),
    async refresh() {
      // What is gone from the API server stays in the volume, as with any kubelet.
      if (folders && !stopping.signal.aborted) await refresh().catch(() => undefined);
    },
    signal(name) {
      for (const life of containers) life.signal(name);
    },
    async end(grace) {
      // Asked again it may only become quicker.
      if (ending) await stopAll(grace);
      await (ending ??= end(grace));
    },
  };
}

/** Takes a pod from the API server at once; no matter if it is gone. */
export async function removePod(api: Api, { metadata }: Pod): Promise<void> {
  try {
    await api.request({
      method: "DELETE",
      path: `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`,
      body: { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } },
    });
  } catch (error) {
    if (!isApiError(error, 404, 409)) throw error;
  }
}

async function patchStatus(api: Api, { metadata }: Pod, status: object): Promise<readonly Condition[]> {
  try {
    const answer = await api.request({
      method: "PATCH",
      path: `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/status`,
      contentType: "application/strategic-merge-patch+json",
      body: { metadata: { uid: metadata.uid }, status },
    });
    return (answer as Pod).status?.conditions ?? [];
  } catch (error) {
    if (isApiError(error, 404, 409)) return [];
    throw error;
  }
}
