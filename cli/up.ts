import { startEverything } from "./compose.ts";
import { loadFleet } from "./load-fleet.ts";
import { runParts, stopDeadline, type Starting } from "./run-parts.ts";
import type { Terminal } from "./terminal.ts";

export interface UpOptions {
  readonly manifests: string;
  readonly state: string;
  readonly fleet?: string;
  readonly logLevel: string;
}

/** `posthouse up`: operator and relay in one process, until a signal comes. Exit code 2 when a part cannot start. */
export async function up(options: UpOptions, terminal: Terminal): Promise<number> {
  const fleet = await loadFleet(options.fleet);
  const start = (starting: Starting): Promise<void> => startEverything({ ...options, ...starting, fleet });
  return runParts(stopDeadline(fleet), options.logLevel, start, terminal);
}
