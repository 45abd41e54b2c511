import process from "node:process";
import type { DestinationStream } from "pino";
import { StateFolderError } from "../cluster/folder/state-folder-error.ts";
import { KubernetesError } from "../cluster/kubernetes/trouble.ts";
import { CertificateError } from "../relay/session/certificate.ts";
import { ListenError } from "../relay/session/listener.ts";
import { StoreUnavailable } from "../relay/store/store.ts";
import { systemClock } from "../runtime/clock.ts";
import { parseDuration } from "../runtime/duration.ts";
import { createLogger, processLog, type Logger } from "../runtime/log.ts";
import { onTermination, stopAll, type Part } from "../runtime/shutdown.ts";
import type { Fleet } from "./fleet.ts";
import { exitCode, UserError, type Terminal } from "./terminal.ts";

/** What a long-running command is given to start its parts with. */
export interface Starting {
  readonly log: Logger;
  /** Where events go, beside the log lines. */
  readonly destination: DestinationStream;
  /** Called with each part as it starts, so that it can be stopped even if a later one fails. */
  readonly started: (part: Part) => void;
  /** Aborted by the signal that ends everything: who waits for something gives up. */
  readonly stopping: AbortSignal;
}

/** Milliseconds that a part may take to stop beyond `limits.stopTimeout`, which running messages have. */
const stopMargin = 5000;

/** Milliseconds that a step of the start has to give up after a signal: one that does not hear of it is not waited for. */
const stepMargin = 1000;

/** Errors whose message is meant for the person who starts Posthouse. */
const forPeople = [UserError, StateFolderError, KubernetesError, StoreUnavailable, CertificateError, ListenError];

/** What to tell whoever starts Posthouse of an error; undefined of one that is a fault of ours. */
export function messageForPeople(error: unknown): string | undefined {
  return error instanceof Error && forPeople.some((kind) => error instanceof kind) ? error.message : undefined;
}

/** Milliseconds that a part may take to stop. */
export function stopDeadline(fleet: Fleet): number {
  return parseDuration(fleet.limits.stopTimeout) + stopMargin;
}

/**
 * What stops first, when it was started last: waits for `limits.drainDelay`, in which mail is taken as before, though the
 * process is not ready any more.
 */
export function drain(fleet: Fleet): Part {
  const delay = parseDuration(fleet.limits.drainDelay);
  return { name: "drain", stop: () => (delay === 0 ? Promise.resolve() : systemClock.sleep(delay)) };
}

/**
 * Starts parts, waits for a signal and stops them, each within `deadline` ms. Rejects with what to tell when one cannot start.
 * After a signal it ends the process, with exit code 1 when a part did not stop: what still holds something open, such as a
 * plugin for credentials that hangs, would keep the process for as long as it likes.
 */
export async function runParts(
  deadline: number,
  logLevel: string,
  start: (starting: Starting) => Promise<void>,
  terminal: Terminal,
): Promise<number> {
  const destination = await processLog();
  const log = createLogger({ level: logLevel, destination });
  const parts: Part[] = [];
  const stop = (): Promise<boolean> => stopAll(parts, { clock: systemClock, log, deadline });
  const stopping = new AbortController();
  const terminated = new Promise<void>((resolve) => {
    onTermination((signal) => {
      terminal.err(`${signal}: stopping; once more stops at once`);
      stopping.abort(new Error("stopped"));
      resolve();
    });
  });
  const starting = start({ log, destination, started: (part) => parts.push(part), stopping: stopping.signal });
  const end = async (): Promise<never> => process.exit((await stop()) ? exitCode.ok : exitCode.failed);
  try {
    if (await goesOnAfter(terminated, starting)) return await end();
  } catch (error) {
    if (stopping.signal.aborted) return end();
    await stop();
    const message = messageForPeople(error);
    throw message === undefined ? error : new UserError(message, { cause: error });
  }
  await terminated;
  return end();
}

/** Waits for the start, and after a signal no longer than for a step to give up. True when it goes on even then. */
async function goesOnAfter(terminated: Promise<void>, starting: Promise<void>): Promise<boolean> {
  const settled = new AbortController();
  const late = terminated.then(() => systemClock.sleep(stepMargin, settled.signal));
  try {
    return await Promise.race([starting.then(() => false), late.then(() => true)]);
  } finally {
    settled.abort();
  }
}
