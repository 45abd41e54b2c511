import { StateFolderError } from "../cluster/folder/state-folder-error.ts";
import { CertificateError } from "../relay/session/certificate.ts";
import { ListenError } from "../relay/session/listener.ts";
import { StoreUnavailable } from "../relay/store/store.ts";
import { systemClock } from "../runtime/clock.ts";
import { parseDuration } from "../runtime/duration.ts";
import { createLogger, processLog } from "../runtime/log.ts";
import { onTermination, stopAll, type Part } from "../runtime/shutdown.ts";
import { startEverything } from "./compose.ts";
import { loadFleet } from "./load-fleet.ts";
import { exitCode, UserError, type Terminal } from "./terminal.ts";

export interface UpOptions {
  readonly manifests: string;
  readonly state: string;
  readonly fleet?: string;
  readonly logLevel: string;
}

/** Milliseconds that a part may take to stop beyond `limits.stopTimeout`, which running messages have. */
const stopMargin = 5000;

/** Errors whose message is meant for the person who starts Posthouse. */
const forPeople = [UserError, StateFolderError, StoreUnavailable, CertificateError, ListenError];

/** `posthouse up`: operator and relay in one process, until a signal comes. Exit code 2 when a part cannot start. */
export async function up(options: UpOptions, terminal: Terminal): Promise<number> {
  const fleet = await loadFleet(options.fleet);
  const destination = processLog();
  const log = createLogger({ level: options.logLevel, destination });
  const parts: Part[] = [];
  const deadline = parseDuration(fleet.limits.stopTimeout) + stopMargin;
  const stop = (): Promise<boolean> => stopAll(parts, { clock: systemClock, log, deadline });
  const terminated = new Promise<string>((resolve) => {
    onTermination(resolve);
  });
  try {
    await startEverything({ ...options, fleet, log, destination, started: (part) => parts.push(part) });
  } catch (error) {
    await stop();
    if (error instanceof Error && forPeople.some((kind) => error instanceof kind))
      throw new UserError(error.message, { cause: error });
    throw error;
  }
  const signal = await terminated;
  terminal.err(`${signal}: stopping; once more stops at once`);
  return (await stop()) ? exitCode.ok : exitCode.failed;
}
