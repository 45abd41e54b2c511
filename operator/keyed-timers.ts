import type { Cancel, Clock } from "../runtime/clock.ts";

/** At most one timer a key. */
export interface KeyedTimers {
  /** Calls `fire` once after a delay, in place of what was set for the key before. */
  readonly set: (key: string, delay: number, fire: () => void) => void;
  /** The same, unless one is set for the key that is due before. */
  readonly setSooner: (key: string, delay: number, fire: () => void) => void;
  readonly has: (key: string) => boolean;
  readonly cancel: (key: string) => void;
  readonly cancelAll: () => void;
}

/** Timers of a clock, by key. */
export function createKeyedTimers(clock: Clock): KeyedTimers {
  const timers = new Map<string, { readonly at: number; readonly stop: Cancel }>();
  const cancel = (key: string): void => {
    timers.get(key)?.stop();
    timers.delete(key);
  };
  const set = (key: string, delay: number, fire: () => void): void => {
    cancel(key);
    const stop = clock.after(delay, () => {
      timers.delete(key);
      fire();
    });
    timers.set(key, { at: clock.now() + delay, stop });
  };
  return {
    set,
    setSooner(key, delay, fire) {
      const { at = Number.POSITIVE_INFINITY } = timers.get(key) ?? {};
      const now = clock.now();
      // What was due and did not fire knows nothing of a clock that was set, or of a machine that slept: it may be long.
      if (at <= now || now + delay < at) set(key, delay, fire);
    },
    has: (key) => timers.has(key),
    cancel,
    cancelAll() {
      for (const key of timers.keys()) cancel(key);
    },
  };
}
