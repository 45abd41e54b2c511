import type { Clock } from "./clock.ts";
import type { Logger } from "./log.ts";

/** Something that was started and must be stopped; `stop` must not reject for what is merely gone already. */
export interface Part {
  readonly name: string;
  stop(): Promise<void>;
}

/**
 * Stops parts one after the other, the last started first. A part that fails or overstays `deadline` (ms) is logged
 * and left behind: the ones below it still get their turn. True when all of them stopped.
 */
export async function stopAll(
  parts: readonly Part[],
  options: { clock: Clock; log: Logger; deadline: number },
): Promise<boolean> {
  let clean = true;
  for (const part of parts.toReversed()) {
    const waiting = new AbortController();
    const late = options.clock.sleep(options.deadline, waiting.signal).then(
      () => "late" as const,
      () => "stopped" as const,
    );
    const outcome = await Promise.race([
      part.stop().then(
        () => "stopped" as const,
        (error: unknown) => error,
      ),
      late,
    ]);
    waiting.abort();
    if (outcome === "stopped") continue;
    clean = false;
    options.log.error(
      {
        part: part.name,
        err: outcome === "late" ? undefined : outcome,
        outcome: outcome === "late" ? "late" : "failed",
      },
      "did not stop cleanly",
    );
  }
  return clean;
}

/** Calls `onSignal` once at the first SIGINT or SIGTERM; a second signal ends the process at once. Returns what takes the handlers off. */
export function onTermination(onSignal: (signal: string) => void): () => void {
  let asked = false;
  const handler = (signal: string): void => {
    if (asked) process.exit(130);
    asked = true;
    onSignal(signal);
  };
  process.on("SIGINT", handler);
  process.on("SIGTERM", handler);
  return () => {
    process.off("SIGINT", handler);
    process.off("SIGTERM", handler);
  };
}
