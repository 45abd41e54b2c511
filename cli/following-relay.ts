import type { Registry } from "prom-client";
import type { Api } from "../cluster/kubernetes/api.ts";
import type { EventSink } from "../relay/event/event.ts";
import { contractsAgeMetric } from "../relay/directory/contracts-age-metric.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Readiness } from "../runtime/http.ts";
import type { Logger } from "../runtime/log.ts";
import type { Part } from "../runtime/shutdown.ts";
import { readinessOf } from "./admin.ts";
import { startRelay } from "./compose-relay.ts";
import { type ContractSource, openContracts } from "./contract-source.ts";
import { authoritiesOf, certificateSource, resolverOf } from "./fleet-resources.ts";
import type { Fleet } from "./fleet.ts";
import { type FleetStore, openFleetStore } from "./open-store.ts";

export interface FollowingRelay {
  readonly fleet: Fleet;
  /** Where contracts and keys are read; nothing is written there. */
  readonly contracts: ContractSource;
  /** Folder of an embedded store and a self-signed certificate, where the fleet file names no others. */
  readonly state: string;
  /** The store, if it is open already; whoever opened it closes it. */
  readonly opened?: FleetStore;
  /** The way to the API server, if it is open already. */
  readonly api?: Api;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly events: EventSink;
  /** As in `RelayParts`. */
  readonly looksAtQueue: boolean;
  /** Called with each part as it starts, so that it can be stopped even if a later one fails. */
  readonly started: (part: Part) => void;
  /** Gives up waiting for the API server. */
  readonly stopping: AbortSignal;
}

/** Starts a relay on contracts that another process keeps, and a store. Returns what tells whether it can take mail. */
export async function startFollowingRelay(options: FollowingRelay): Promise<() => Promise<Readiness>> {
  const { fleet, state, log, metrics, events, started } = options;
  const clock = systemClock;
  const contracts = await openContracts(options.contracts, options);
  started({ name: "cluster", stop: () => contracts.close() });
  const { store, condition } = options.opened ?? (await openStoreHere(options));
  const { age } = contracts;
  if (age !== undefined) contractsAgeMetric(metrics, age);
  const { load } = certificateSource(fleet, state, log);
  await startRelay({
    fleet,
    cluster: contracts.cluster,
    contractNamespace: contracts.namespace,
    contractsAge: age,
    store,
    resolver: resolverOf(fleet),
    certificate: await load(),
    loadCertificate: load,
    authorities: await authoritiesOf(fleet),
    clock,
    log,
    events,
    metrics,
    looksAtQueue: options.looksAtQueue,
    started,
  });
  return readinessOf(condition, age);
}

async function openStoreHere({ fleet, state, log, metrics, started }: FollowingRelay): Promise<FleetStore> {
  const opened = await openFleetStore({ fleet, state, log: log.child({ part: "store" }), metrics });
  started({ name: "store", stop: () => opened.store.close() });
  return opened;
}
