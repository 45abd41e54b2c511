import { followState } from "../cluster/folder/follow-state.ts";
import { eventLog, tee } from "../relay/event/event-log.ts";
import { eventMetrics } from "../relay/event/metrics.ts";
import { systemClock } from "../runtime/clock.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { startAdmin } from "./admin.ts";
import { startRelay } from "./compose-relay.ts";
import { authoritiesOf, certificateSource, resolverOf } from "./fleet-resources.ts";
import type { Fleet } from "./fleet.ts";
import { loadFleet } from "./load-fleet.ts";
import { openFleetStore, storeAddressOf } from "./open-store.ts";
import { runParts, type Starting } from "./run-parts.ts";
import { UserError, type Terminal } from "./terminal.ts";

export interface RelayOptions {
  /** The state folder of a `posthouse up`. */
  readonly state: string;
  readonly fleet?: string;
  readonly logLevel: string;
}

/**
 * `posthouse relay`: one more relay beside a `posthouse up`, on its state folder, which it only reads, and its store. Until a
 * signal comes; exit code 2 when a part cannot start.
 */
export async function relay(options: RelayOptions, terminal: Terminal): Promise<number> {
  const fleet = await loadFleet(options.fleet);
  if (storeAddressOf(fleet, options.state).kind === "File")
    throw new UserError(
      "posthouse relay shares the store of a posthouse up: name a Redis in store of both fleet files, such as redis://127.0.0.1:6379",
    );
  return runParts(fleet, options.logLevel, (starting) => startRelayAlone(fleet, options.state, starting), terminal);
}

async function startRelayAlone(fleet: Fleet, state: string, { log, destination, started }: Starting): Promise<void> {
  const clock = systemClock;
  const metrics = createMetrics();
  const cluster = await followState({ state, clock, log: log.child({ part: "cluster" }) });
  started({ name: "cluster", stop: () => cluster.close() });
  const { store, condition } = await openFleetStore({ fleet, state, log: log.child({ part: "store" }), metrics });
  started({ name: "store", stop: () => store.close() });
  const { load } = certificateSource(fleet, state, log);
  await startRelay({
    fleet,
    cluster,
    store,
    resolver: resolverOf(fleet),
    certificate: await load(),
    loadCertificate: load,
    authorities: await authoritiesOf(fleet),
    clock,
    log,
    events: tee(eventLog(destination), eventMetrics(metrics)),
    started,
  });
  const admin = await startAdmin(fleet, condition, metrics);
  started({ name: "admin", stop: () => admin.stop() });
  log.info({ host: admin.host, port: admin.port }, "ready: /healthz, /readyz and /metrics are served");
}
