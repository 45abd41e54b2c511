import type { Registry } from "prom-client";
import type { Api } from "../cluster/kubernetes/api.ts";
import { tokenReviewer } from "../cluster/kubernetes/token-review.ts";
import { usageAudience, usagePath, type UsageSource } from "../contract/usage.ts";
import { eventLog, tee } from "../relay/event/event-log.ts";
import { eventMetrics } from "../relay/event/metrics.ts";
import { systemClock } from "../runtime/clock.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { type AdminSources, startAdmin, untilStopped } from "./admin.ts";
import { openApiServer } from "./contract-source.ts";
import type { Fleet } from "./fleet.ts";
import { startFollowingRelay } from "./following-relay.ts";
import { usageOfLedger } from "./ledger-usage.ts";
import { type FleetStore, openFleetStore } from "./open-store.ts";
import { startRelayWorkers } from "./relay-workers.ts";
import { drain, type Starting } from "./run-parts.ts";
import { UserError } from "./terminal.ts";
import { warnOfUnusedStores } from "./unused-store.ts";
import { usageResource } from "./usage-resource.ts";

export interface KubernetesRelay {
  readonly fleet: Fleet;
  /** The contract namespace. */
  readonly namespace: string;
  readonly kubeconfig?: string;
  /** Folder of an embedded store and a self-signed certificate, where the fleet file names no others. */
  readonly state: string;
  readonly logLevel: string;
  /** `namespace/name` of the ServiceAccount that may read usage; nobody when absent. */
  readonly usageReader?: string;
}

/** What the admin port tells until the relay can tell it itself. */
interface Told {
  sources: AdminSources;
  usage: UsageSource;
}

/**
 * Starts a relay on the contracts of an API server. The admin port comes first and goes last: while the relay waits for the API
 * server, the process is healthy and not ready.
 *
 * With `workers` each of them follows the contracts for itself. One more watch of one kind in one namespace costs an API server
 * little beside what a pod costs anyway, and each worker keeps on working, and sees a revocation, whatever becomes of the
 * others. Fleets on Kubernetes grow by pods; `workers` is for large nodes.
 */
export async function startKubernetesRelay(options: KubernetesRelay, starting: Starting): Promise<void> {
  const { fleet, state } = options;
  const { log, started, stopping } = starting;
  const metrics = createMetrics();
  const api = await openApiServer(options, { log, metrics });
  started({ name: "API server", stop: () => api.close() });
  const told = beginning(metrics);
  const admin = await startAdmin(fleet, {
    ...untilStopped({ readiness: () => told.sources.readiness(), metrics: () => told.sources.metrics() }, stopping),
    resources: resourcesOf(options, starting, api, told),
  });
  started({ name: "admin", stop: () => admin.stop() });
  log.info({ host: admin.host, port: admin.port }, "/healthz, /readyz and /metrics are served");
  const opened = await openFleetStore({ fleet, state, log: log.child({ part: "store" }), metrics, sole: true });
  started({ name: "store", stop: () => opened.store.close() });
  await warnOfUnusedStores({ fleet, state, log, store: opened.store });
  told.usage = usageOfLedger(opened.store.ledger);
  told.sources = await startRelays(options, starting, { api, opened, metrics });
  started(drain(fleet));
  log.info("ready: mail is taken");
}

function beginning(metrics: Registry): Told {
  return {
    sources: {
      readiness: () => ({ ready: false, reasons: ["the API server has not told all contracts and keys yet"] }),
      metrics: () => Promise.resolve(metrics),
    },
    usage: { usage: () => Promise.reject(new Error("the store is not open yet")) },
  };
}

interface Shared {
  readonly api: Api;
  readonly opened: FleetStore;
  readonly metrics: Registry;
}

async function startRelays(
  options: KubernetesRelay,
  starting: Starting,
  { api, opened, metrics }: Shared,
): Promise<AdminSources> {
  const { fleet, namespace, kubeconfig, state, logLevel } = options;
  const contracts = { kind: "ApiServer", namespace, ...(kubeconfig !== undefined && { kubeconfig }) } as const;
  const common = { fleet, contracts, state, metrics, ...starting };
  if (fleet.workers > 1) return startRelayWorkers({ ...common, logLevel });
  const readiness = await startFollowingRelay({
    ...common,
    opened,
    api,
    events: tee(eventLog(starting.destination), eventMetrics(metrics)),
    looksAtQueue: true,
  });
  return { readiness, metrics: () => Promise.resolve(metrics) };
}

function resourcesOf(
  { usageReader }: KubernetesRelay,
  { log }: Starting,
  api: Api,
  told: Told,
): AdminSources["resources"] & {} {
  if (usageReader === undefined) return {};
  if (!/^[a-z0-9][-a-z0-9]{0,62}\/[a-z0-9][-a-z0-9.]{0,252}$/.test(usageReader))
    throw new UserError(`name who may read usage as NAMESPACE/NAME, not ${JSON.stringify(usageReader)}`);
  return {
    [usagePath]: usageResource({
      usage: { usage: (tenants) => told.usage.usage(tenants) },
      review: tokenReviewer({ api, audience: usageAudience, clock: systemClock }),
      reader: usageReader,
      log: log.child({ part: "usage" }),
    }),
  };
}
