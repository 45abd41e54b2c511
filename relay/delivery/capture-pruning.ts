import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { startRounds } from "../../runtime/rounds.ts";
import type { CaptureLimits, Captures } from "../store/captures.ts";

export interface CapturePruningOptions {
  readonly captures: Pick<Captures, "prune">;
  readonly limits: CaptureLimits;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Milliseconds between two rounds: an environment may hold a little more than its maximum for so long. */
const interval = 60_000;

/** Removes captured messages that are too old or too many, now and once a minute. Returns what ends it, after the round under way. */
export function startCapturePruning(options: CapturePruningOptions): () => Promise<void> {
  const { captures, limits, clock, log } = options;
  const round = async (): Promise<void> => {
    try {
      const pruned = await captures.prune(clock.now(), limits);
      if (pruned > 0) log.info({ pruned }, "captured messages were removed");
    } catch (err) {
      log.warn({ err }, "captured messages cannot be removed; the next round tries again");
    }
  };
  return startRounds({ clock, interval, round });
}
