import type { Cancel, Clock } from "../../runtime/clock.ts";

/** Timers with names: one of each name runs at a time. */
export interface Deadlines<Name extends string> {
  /** Starts a deadline anew. */
  arm(name: Name, delay: number, onLate: () => void): void;
  disarm(name: Name): void;
  disarmAll(): void;
}

export function deadlines<Name extends string>(clock: Clock): Deadlines<Name> {
  const running = new Map<Name, Cancel>();
  const disarm = (name: Name): void => {
    running.get(name)?.();
    running.delete(name);
  };
  return {
    arm(name, delay, onLate) {
      disarm(name);
      running.set(name, clock.after(delay, onLate));
    },
    disarm,
    disarmAll() {
      for (const name of running.keys()) disarm(name);
    },
  };
}
