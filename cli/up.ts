import { StateFolderError } from "../cluster/folder/state-folder-error.ts";
import { CertificateError } from "../relay/session/certificate.ts";
import { ListenError } from "../relay/session/listener.ts";
import { StoreUnavailable } from "../relay/store/store.ts";
import { systemClock } from "../runtime/clock.ts";
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

/** How long one part may take to stop; submission has `limits.stopTimeout` of its own within it. */
const stopDeadline = 30_000;

/** Errors whose message is meant for the person who starts Posthouse. */
const forPeople = [UserError, StateFolderError, StoreUnavailable, CertificateError, ListenError];

/** `posthouse up`: operator and relay in one process, until a signal comes. Exit code 2 when a part cannot start. */
export async function up(options: UpOptions, terminal: Terminal): Promise<number> {
  const fleet = await loadFleet(options.fleet);
  const destination = processLog();
  const log = createLogger({ level: options.logLevel, destination });
  const parts: Part[] = [];
  const stop = (): Promise<boolean> => stopAll(parts, { clock: systemClock, log, deadline: stopDeadline });
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
