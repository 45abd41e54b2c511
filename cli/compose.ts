import type { DestinationStream } from "pino";
import type { Registry } from "prom-client";
import { openFolder } from "../cluster/folder/folder.ts";
import type { Cluster } from "../cluster/port.ts";
import { defaultContractNamespace } from "../contract/names.ts";
import type { Resolver } from "../net/resolver.ts";
import { startOperator } from "../operator/operator.ts";
import { eventLog, tee } from "../relay/event/event-log.ts";
import { eventMetrics } from "../relay/event/metrics.ts";
import type { Certificate } from "../relay/session/certificate.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/log.ts";
import { createMetrics } from "../runtime/metrics.ts";
import type { Part } from "../runtime/shutdown.ts";
import { type AdminSources, readinessOf, startAdmin, untilStopped } from "./admin.ts";
import { startRelay } from "./compose-relay.ts";
import {
  authoritativeOf,
  authoritiesOf,
  type CertificateSource,
  certificateSource,
  resolverOf,
} from "./fleet-resources.ts";
import type { Fleet } from "./fleet.ts";
import { usageOfLedger } from "./ledger-usage.ts";
import { type FleetStore, openFleetStore } from "./open-store.ts";
import { operatorSettings } from "./operator-settings.ts";
import { startRelayWorkers } from "./relay-workers.ts";
import { drain } from "./run-parts.ts";
import { warnOfUnusedStores } from "./unused-store.ts";

export interface Everything {
  readonly manifests: string;
  readonly state: string;
  readonly fleet: Fleet;
  readonly logLevel: string;
  readonly log: Logger;
  /** Where events go, beside the log lines. */
  readonly destination: DestinationStream;
  /** Called with each part as it starts, so that it can be stopped even if a later one fails. */
  readonly started: (part: Part) => void;
  /** Aborted by the signal that ends everything. */
  readonly stopping: AbortSignal;
}

/**
 * Starts cluster, store, relay, operator and admin port: in one process, or with the relay in `workers` of them. The admin port comes last: when it answers,
 * everything else runs. Rejects with the error of the part that could not start.
 */
export async function startEverything(options: Everything): Promise<void> {
  const { manifests, state, fleet, log, started } = options;
  const clock = systemClock;
  const metrics = createMetrics();
  const cluster = await openFolder({ manifests, state, clock, log: log.child({ part: "cluster" }) });
  started({ name: "cluster", stop: () => cluster.close() });
  const opened = await openFleetStore({ fleet, state, log: log.child({ part: "store" }), metrics, sole: true });
  const { store } = opened;
  started({ name: "store", stop: () => store.close() });
  await warnOfUnusedStores({ ...options, store });
  const certificates = certificateSource(fleet, state, log);
  const certificate = await certificates.load();
  const resolver = resolverOf(fleet);
  const told =
    fleet.workers > 1
      ? await startRelayWorkers({ ...options, contracts: { kind: "Folder", state }, metrics })
      : await startRelayHere(options, { cluster, ...opened, resolver, certificates, certificate, metrics });
  const authoritative = authoritativeOf(fleet, resolver);
  const operator = startOperator({
    cluster,
    resolver,
    ...(authoritative && { authoritative }),
    usage: usageOfLedger(store.ledger),
    clock,
    log: log.child({ part: "operator" }),
    random: Math.random,
    metrics,
    settings: operatorSettings(fleet, {
      contractNamespace: defaultContractNamespace,
      ...(certificates.isSelfSigned && { trust: certificate.cert }),
    }),
  });
  started({ name: "operator", stop: () => operator.stop() });
  const admin = await startAdmin(fleet, untilStopped(told, options.stopping));
  started({ name: "admin", stop: () => admin.stop() });
  started(drain(fleet));
  log.info({ host: admin.host, port: admin.port }, "ready: /healthz, /readyz and /metrics are served");
}

/** What the relay and the operator of one process share. */
interface Shared extends FleetStore {
  readonly cluster: Cluster;
  readonly resolver: Resolver;
  readonly certificates: CertificateSource;
  readonly certificate: Certificate;
  readonly metrics: Registry;
}

async function startRelayHere({ fleet, log, destination, started }: Everything, shared: Shared): Promise<AdminSources> {
  const { cluster, store, condition, resolver, certificates, certificate, metrics } = shared;
  const events = tee(eventLog(destination), eventMetrics(metrics));
  const authorities = await authoritiesOf(fleet);
  const common = {
    fleet,
    cluster,
    contractNamespace: defaultContractNamespace,
    store,
    resolver,
    certificate,
    clock: systemClock,
  };
  await startRelay({
    ...common,
    authorities,
    loadCertificate: certificates.load,
    events,
    metrics,
    looksAtQueue: true,
    log,
    started,
  });
  return { readiness: readinessOf(condition), metrics: () => Promise.resolve(metrics) };
}
