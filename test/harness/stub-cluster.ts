/** A cluster port on a stub API server, with a clock that the test moves. */
import pino, { type Logger } from "pino";
import { openApi, type Api } from "../../cluster/kubernetes/api.ts";
import { openKubernetes, type KubernetesCluster, type KubernetesOptions } from "../../cluster/kubernetes/kubernetes.ts";
import { objectPath } from "../../cluster/kubernetes/resources.ts";
import type { ObjectKey } from "../../cluster/object.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { pass, passUntil } from "./passing-time.ts";
import { seededRandom } from "./seeded-random.ts";
import { startStubApiServer, type StubApiServer } from "./stub-api-server.ts";

export interface StubCluster {
  readonly stub: StubApiServer;
  readonly clock: ManualClock;
  readonly api: Api;
  readonly cluster: KubernetesCluster;
  readonly log: Logger;
  /** What was logged, as JSON lines. */
  readonly logged: string[];
  readonly pass: (time: number, step?: number) => Promise<void>;
  readonly passUntil: (isSo: () => boolean, longest?: number) => Promise<number>;
  readonly close: () => Promise<void>;
}

/** The tenant that tests look at. */
export function tenantKey(name: string, namespace = "team-shop"): ObjectKey<"RelayTenant"> {
  return { kind: "RelayTenant", namespace, name };
}

/** Puts a tenant into a stub, or changes it. */
export function putTenant(stub: StubApiServer, name: string, plan = "Pro"): void {
  stub.put(objectPath(tenantKey(name)), { spec: { allowance: { plan } } });
}

export interface StubClusterOptions extends Partial<KubernetesOptions> {
  readonly stub?: StubApiServer;
  /** A file; the stub's own when absent. */
  readonly kubeconfig?: string;
}

/** Opens one about tenants alone, so that there is one list and one watch; the stub holds what the test has put there. */
export async function openStubCluster(options: StubClusterOptions = {}): Promise<StubCluster> {
  const stub = options.stub ?? (await startStubApiServer());
  const clock = createManualClock(Date.parse("2026-11-02T12:00:00Z"));
  const logged: string[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void logged.push(line) });
  const api = await openApi({ kubeconfig: options.kubeconfig ?? stub.kubeconfig(), clock, log });
  const scope = { kind: "Cluster" } as const;
  const usual = { api, clock, log, random: seededRandom(7), scope, contractNamespace: "posthouse-system" };
  const opening = openKubernetes({ ...usual, kinds: ["RelayTenant"], ...options });
  let settled = false;
  opening.then(
    () => (settled = true),
    () => (settled = true),
  );
  const close = async (): Promise<void> => {
    await api.close();
    await stub.close();
  };
  try {
    await passUntil(clock, () => settled);
    const cluster = await opening;
    // Under a fault there may never be a watch.
    await passUntil(clock, () => stub.watches() > 0 || stub.fault !== undefined);
    return {
      stub,
      clock,
      api,
      cluster,
      log,
      logged,
      pass: (time, step) => pass(clock, time, step),
      passUntil: (isSo, longest) => passUntil(clock, isSo, longest),
      close: () => cluster.close().then(close),
    };
  } catch (error) {
    await close();
    throw error;
  }
}
