import type { Registry } from "prom-client";
import { followState } from "../cluster/folder/follow-state.ts";
import { defaultContractNamespace } from "../contract/names.ts";
import type { EventSink } from "../relay/event/event.ts";
import type { StoreCondition } from "../relay/store/condition.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/log.ts";
import type { Part } from "../runtime/shutdown.ts";
import { startRelay } from "./compose-relay.ts";
import { authoritiesOf, certificateSource, resolverOf } from "./fleet-resources.ts";
import type { Fleet } from "./fleet.ts";
import { openFleetStore } from "./open-store.ts";

export interface FollowingRelay {
  readonly fleet: Fleet;
  /** The state folder of a `posthouse up`; only read. */
  readonly state: string;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly events: EventSink;
  /** As in `RelayParts`. */
  readonly looksAtQueue: boolean;
  /** Called with each part as it starts, so that it can be stopped even if a later one fails. */
  readonly started: (part: Part) => void;
}

/**
 * Starts a relay on the state folder that another process keeps, and a store that it shares with others. Returns what
 * tells how that store is.
 */
export async function startFollowingRelay(options: FollowingRelay): Promise<() => Promise<StoreCondition>> {
  const { fleet, state, log, metrics, events, started } = options;
  const clock = systemClock;
  const cluster = await followState({ state, clock, log: log.child({ part: "cluster" }) });
  started({ name: "cluster", stop: () => cluster.close() });
  const { store, condition } = await openFleetStore({ fleet, state, log: log.child({ part: "store" }), metrics });
  started({ name: "store", stop: () => store.close() });
  const { load } = certificateSource(fleet, state, log);
  await startRelay({
    fleet,
    cluster,
    contractNamespace: defaultContractNamespace,
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
  return condition;
}
