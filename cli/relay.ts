import { eventLog, tee } from "../relay/event/event-log.ts";
import { eventMetrics } from "../relay/event/metrics.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { readinessOf, startAdmin } from "./admin.ts";
import type { Fleet } from "./fleet.ts";
import { startFollowingRelay } from "./following-relay.ts";
import { loadFleet } from "./load-fleet.ts";
import { storeAddressOf } from "./open-store.ts";
import { startRelayWorkers } from "./relay-workers.ts";
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
  return runParts(fleet, options.logLevel, (starting) => startRelayAlone(fleet, options, starting), terminal);
}

async function startRelayAlone(fleet: Fleet, { state, logLevel }: RelayOptions, starting: Starting): Promise<void> {
  const { log, destination, started } = starting;
  const metrics = createMetrics();
  const told =
    fleet.workers > 1
      ? await startRelayWorkers({ fleet, state, logLevel, metrics, ...starting })
      : {
          readiness: readinessOf(
            await startFollowingRelay({
              fleet,
              state,
              log,
              metrics,
              events: tee(eventLog(destination), eventMetrics(metrics)),
              looksAtQueue: true,
              started,
            }),
          ),
          metrics: () => Promise.resolve(metrics),
        };
  const admin = await startAdmin(fleet, told);
  started({ name: "admin", stop: () => admin.stop() });
  log.info({ host: admin.host, port: admin.port }, "ready: /healthz, /readyz and /metrics are served");
}
