import type { Cancel, Clock } from "../runtime/clock.ts";

/** At most one timer a key. */
export interface KeyedTimers {
  /** Calls `fire` once after a delay, in place of what was set for the key before. */
  readonly set: (key: string, delay: number, fire: () => void) => void;
  readonly has: (key: string) => boolean;
  readonly cancel: (key: string) => void;
  readonly cancelAll: () => void;
}

/** Timers of a clock, by key. */
export function createKeyedTimers(clock: Clock): KeyedTimers {
  const timers = new Map<string, Cancel>();
  const cancel = (key: string): void => {
    timers.get(key)?.();
    timers.delete(key);
  };
  return {
    set(key, delay, fire) {
      cancel(key);
      const stop = clock.after(delay, () => {
        timers.delete(key);
        fire();
      });
      timers.set(key, stop);
    },
    has: (key) => timers.has(key),
    cancel,
    cancelAll() {
      for (const key of timers.keys()) cancel(key);
    },
  };
}
