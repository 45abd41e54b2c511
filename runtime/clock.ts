import { uptime } from "node:os";

/** Stops a timer that has not fired yet; calling it later does nothing. */
export type Cancel = () => void;

/**
 * The time, as a value that is passed in: pure code receives `now`, shells receive a Clock, tests pass their own.
 * All times are milliseconds since the Unix epoch, all durations milliseconds.
 */
export interface Clock {
  /** Wall-clock time. It may jump back; whoever needs an order that never does keeps the highest value seen. */
  now(): number;
  /** Calls `callback` once, not before `delay` has passed. The timer does not keep the process alive. */
  after(delay: number, callback: () => void): Cancel;
  /** Resolves after `delay`, or rejects with the signal's reason when it is aborted first. */
  sleep(delay: number, signal?: AbortSignal): Promise<void>;
}

/** The longest delay that a Node timer takes; a longer one would fire at once. */
const longestDelay = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delay, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delay, 0), longestDelay));
    timer.unref();
    return () => clearTimeout(timer);
  },
  sleep(delay, signal) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
        Math.min(delay, longestDelay),
      );
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  },
};

/** Whether less than `span` milliseconds have passed since `at`; not of a time to come, as after the clock was set back. */
export function isWithin(now: number, at: number, span: number): boolean {
  return now >= at && now - at < span;
}

/**
 * Milliseconds since the machine started: a time for measuring alone, which never runs back, is never set, and goes on
 * while the machine sleeps. Hundredths of a second at best.
 */
export function elapsed(): number {
  return uptime() * 1000;
}
