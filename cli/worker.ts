import { eventLog } from "../relay/event/event-log.ts";
import { systemClock } from "../runtime/clock.ts";
import { createLogger, lineLog } from "../runtime/log.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { onTermination, stopAll, type Part } from "../runtime/shutdown.ts";
import { joinPrimary, type Primary } from "../runtime/workers/join-primary.ts";
import { startFollowingRelay } from "./following-relay.ts";
import { messageForPeople, stopDeadline } from "./run-parts.ts";
import { exitCode } from "./terminal.ts";
import type { WorkerTask } from "./worker-task.ts";

/** The program of one worker: a relay as its primary says, until that, or a signal, ends it. Resolves to the exit code. */
async function work(primary: Primary): Promise<number> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- given by the primary, of this very version
  const { fleet, contracts, state, logLevel } = primary.task as WorkerTask;
  const destination = lineLog();
  const log = createLogger({ level: logLevel, destination }).child({ worker: primary.number });
  const metrics = createMetrics();
  const parts: Part[] = [];
  const stop = (): Promise<boolean> => stopAll(parts, { clock: systemClock, log, deadline: stopDeadline(fleet) });
  const terminated = new Promise<void>((resolve) => {
    onTermination(() => resolve());
  });
  const told = Promise.race([terminated, primary.stop]);
  const stopping = new AbortController();
  void told.then(() => stopping.abort(new Error("stopped")));
  try {
    const readiness = await startFollowingRelay({
      fleet,
      contracts,
      state,
      log,
      metrics,
      looksAtQueue: primary.number === 1,
      // They are counted where no kill ends the count.
      events: eventLog(destination),
      started: (part) => parts.push(part),
      stopping: stopping.signal,
    });
    primary.ready((question) => (question === "metrics" ? metrics.getMetricsAsJSON() : readiness()));
  } catch (error) {
    const clean = await stop();
    if (stopping.signal.aborted) return clean ? exitCode.ok : exitCode.failed;
    const message = messageForPeople(error);
    if (message === undefined) throw error;
    await primary.failed(message);
    return exitCode.usage;
  }
  await told;
  return (await stop()) ? exitCode.ok : exitCode.failed;
}

if (import.meta.main) process.exit(await work(await joinPrimary(systemClock)));
