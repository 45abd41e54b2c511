import type { Cancel, Clock } from "./clock.ts";

export interface Rounds {
  readonly clock: Pick<Clock, "after">;
  /** Milliseconds from the end of a round to the next. */
  readonly interval: number;
  /** Milliseconds before the first one; none when absent. */
  readonly delay?: number;
  /** Must not reject. */
  readonly round: () => Promise<void>;
}

/** Runs a round now, and another each interval. Returns what ends it; that resolves after the round under way. */
export function startRounds({ clock, interval, delay = 0, round }: Rounds): () => Promise<void> {
  let stopped = false;
  let cancel: Cancel | undefined;
  let running = Promise.resolve();
  const wait = (time: number): void => {
    cancel = clock.after(time, begin);
  };
  const turn = async (): Promise<void> => {
    await round();
    if (!stopped) wait(interval);
  };
  function begin(): void {
    running = turn();
  }
  if (delay === 0) begin();
  else wait(delay);
  return () => {
    stopped = true;
    cancel?.();
    return running;
  };
}
