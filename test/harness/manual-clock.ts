import type { Clock } from "../../runtime/clock.ts";
import { nextTurn } from "../../runtime/turn.ts";

/** A clock that a test moves. */
export interface ManualClock extends Clock {
  /** Moves on in steps to each timer that is due meanwhile, and lets what it wakes run before the next. */
  advance(time: number): Promise<void>;
  /** Sets the wall clock, as an administrator would: no timer notices. */
  jump(time: number): void;
}

/** Starts at `start`, milliseconds since the epoch. */
export function createManualClock(start: number): ManualClock {
  const timers = new Map<symbol, { readonly at: number; readonly callback: () => void }>();
  let elapsed = 0;
  let offset = start;

  const after = (delay: number, callback: () => void): (() => void) => {
    const id = Symbol("timer");
    timers.set(id, { at: elapsed + Math.max(0, delay), callback });
    return () => void timers.delete(id);
  };
  const fireNext = (until: number): boolean => {
    const [next] = [...timers].toSorted(([, a], [, b]) => a.at - b.at);
    if (next === undefined || next[1].at > until) return false;
    timers.delete(next[0]);
    elapsed = Math.max(elapsed, next[1].at);
    next[1].callback();
    return true;
  };
  return {
    now: () => offset + elapsed,
    after,
    sleep: (delay, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const cancel = after(delay, resolve);
        signal?.addEventListener("abort", () => {
          cancel();
          reject(new Error("aborted"));
        });
      }),
    async advance(time) {
      const until = elapsed + time;
      while (fireNext(until)) await nextTurn();
      elapsed = until;
    },
    jump: (time) => void (offset += time),
  };
}
