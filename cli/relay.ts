import process from "node:process";
import { eventLog, tee } from "../relay/event/event-log.ts";
import { eventMetrics } from "../relay/event/metrics.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { startAdmin, untilStopped } from "./admin.ts";
import { contractNamespaceOf } from "./contract-namespace.ts";
import type { Fleet } from "./fleet.ts";
import { startFollowingRelay } from "./following-relay.ts";
import { startKubernetesRelay } from "./kubernetes-relay.ts";
import { loadFleet } from "./load-fleet.ts";
import { storeAddressOf } from "./open-store.ts";
import { startRelayWorkers } from "./relay-workers.ts";
import { drain, runParts, stopDeadline, type Starting } from "./run-parts.ts";
import { refuseFolderVariable, storeVariable } from "./store-variable.ts";
import { UserError, type Terminal } from "./terminal.ts";

export interface RelayOptions {
  /** The state folder of a `posthouse up`; with `kubernetes` a folder of its own. */
  readonly state: string;
  readonly fleet?: string;
  readonly logLevel: string;
  /** Contracts come from an API server. */
  readonly kubernetes?: boolean;
  readonly kubeconfig?: string;
  /** The contract namespace. */
  readonly namespace?: string;
  /** `namespace/name` of the ServiceAccount that may read usage. */
  readonly usageReader?: string;
}

/**
 * `posthouse relay`: one more relay beside a `posthouse up`, on its state folder, which it only reads, and its store; or, with
 * `--kubernetes`, a relay on the contracts in a namespace of an API server. Until a signal comes; exit code 2 when a part
 * cannot start.
 */
export async function relay(options: RelayOptions, terminal: Terminal): Promise<number> {
  const { state, logLevel, kubernetes = false } = options;
  const fleet = await loadFleet(options.fleet);
  if (kubernetes) {
    refuseFolderVariable(process.env[storeVariable]);
    const namespace = await contractNamespaceOf(options.namespace);
    const start = (starting: Starting): Promise<void> =>
      startKubernetesRelay({ ...options, fleet, namespace }, starting);
    return runParts(stopDeadline(fleet), logLevel, start, terminal);
  }
  if (storeAddressOf(fleet, state).kind === "File")
    throw new UserError(
      "posthouse relay shares the store of a posthouse up: name a Redis in store of both fleet files, such as redis://127.0.0.1:6379",
    );
  return runParts(stopDeadline(fleet), logLevel, (starting) => startRelayAlone(fleet, options, starting), terminal);
}

async function startRelayAlone(fleet: Fleet, { state, logLevel }: RelayOptions, starting: Starting): Promise<void> {
  const { log, destination, started, stopping } = starting;
  const metrics = createMetrics();
  const common = { fleet, contracts: { kind: "Folder", state }, state, metrics, ...starting } as const;
  const told =
    fleet.workers > 1
      ? await startRelayWorkers({ ...common, logLevel })
      : {
          readiness: await startFollowingRelay({
            ...common,
            events: tee(eventLog(destination), eventMetrics(metrics)),
            looksAtQueue: true,
          }),
          metrics: () => Promise.resolve(metrics),
        };
  const admin = await startAdmin(fleet, untilStopped(told, stopping));
  started({ name: "admin", stop: () => admin.stop() });
  started(drain(fleet));
  log.info({ host: admin.host, port: admin.port }, "ready: /healthz, /readyz and /metrics are served");
}
