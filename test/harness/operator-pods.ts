/** The operator's pods of a release of the chart, and who of them leads. */
import { expect } from "vitest";
import type { ControlPlane } from "./control-plane.ts";
import type { Kubelet } from "./kubelet/kubelet.ts";
import { until } from "./until.ts";

/** In ms: others may build and test on the same cores. */
const patience = 120_000;

interface OperatorPod {
  readonly name: string;
  readonly isReady: boolean;
  readonly restarts: number;
  /** What it says at `/readyz`; empty while it does not answer. */
  readonly says: string;
}

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly containers: readonly [{ readonly ports: readonly [{ readonly containerPort: number }] }] };
  readonly status: {
    readonly podIP?: string;
    readonly containerStatuses?: readonly [{ readonly ready: boolean; readonly restartCount: number }];
  };
}

/** The operator's pods of a release but the one that is frozen: it would keep who asks it waiting. */
async function operatorPods({ ask }: ControlPlane, namespace: string, frozen = ""): Promise<readonly OperatorPod[]> {
  const selector = "labelSelector=app.kubernetes.io%2Fcomponent%3Doperator";
  const { body } = await ask({ path: `/api/v1/namespaces/${namespace}/pods?${selector}` });
  return Promise.all(
    (body as { items: readonly Pod[] }).items.filter(({ metadata }) => metadata.name !== frozen).map(seen),
  );
}

async function seen({ metadata, spec, status }: Pod): Promise<OperatorPod> {
  const [container] = status.containerStatuses ?? [];
  const page = `http://${status.podIP}:${spec.containers[0].ports[0].containerPort}/readyz`;
  const says = await fetch(page)
    .then((response) => response.text())
    .catch(() => "");
  return { name: metadata.name, isReady: container?.ready === true, restarts: container?.restartCount ?? 0, says };
}

/** What happens around the moment in which a leader freezes. */
interface Around {
  /** Resolves when it is in the middle of its work. */
  readonly before: () => Promise<void>;
  readonly after: () => Promise<void>;
}

/**
 * Freezes the one of two that leads, and kills it when the other has taken over: it is started again in its pod and stands
 * by. Both are ready before and after. Killed at once it could be back and lead before the other knows that it was gone. What
 * is frozen for long answers no probe, and is started again for that too.
 */
export async function leaderIsSucceeded(
  plane: ControlPlane,
  namespace: string,
  kubelet: Kubelet,
  { before, after }: Around,
): Promise<void> {
  const [leader, other] = (await operatorPods(plane, namespace)).toSorted(
    (a, b) => Number(isLeading(b)) - Number(isLeading(a)),
  );
  if (leader === undefined || other === undefined) throw new Error(`${namespace} has not two pods of the operator`);
  expect([leader, other]).toMatchObject([
    { isReady: true, says: expect.stringContaining("leading") },
    { isReady: true, says: expect.stringContaining(`standing by; ${leader.name}`) },
  ]);
  const becomes = async (wanted: readonly OperatorPod[], frozen?: string): Promise<true | undefined> => {
    const pods = await operatorPods(plane, namespace, frozen);
    const hasRestarted = ({ name, restarts }: OperatorPod, wantedRestarts: number): boolean =>
      name === leader.name ? restarts >= wantedRestarts : restarts === wantedRestarts;
    const isThere = ({ name, restarts, says }: OperatorPod): boolean =>
      pods.some((pod) => pod.name === name && pod.isReady && hasRestarted(pod, restarts) && pod.says.includes(says));
    return wanted.every(isThere) || undefined;
  };
  const successor = { ...other, says: "leading" };
  const again = { ...leader, restarts: leader.restarts + 1, says: `standing by; ${other.name}` };
  await before();
  await kubelet.signal(namespace, leader.name, "SIGSTOP");
  await after();
  await until("the other leads", () => becomes([successor], leader.name), patience);
  await kubelet.signal(namespace, leader.name, "SIGKILL");
  await until("the one that was killed stands by", () => becomes([successor, again]), patience);
}

function isLeading({ says }: OperatorPod): boolean {
  return says.includes("leading");
}
