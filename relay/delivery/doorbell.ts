import type { Clock } from "../../runtime/clock.ts";

/** Lets one loop sleep until somebody rings, and misses no ring while the loop is busy. */
export interface Doorbell {
  ring(): void;
  /** Forgets rings so far; called before looking for work. */
  silence(): void;
  /** Resolves after `delay` milliseconds, at a ring, or at once when it rang since `silence`. */
  wait(delay: number): Promise<void>;
}

/** A doorbell that nobody has rung. */
export function createDoorbell(clock: Clock): Doorbell {
  let rung = false;
  let answer: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      answer?.();
    },
    silence() {
      rung = false;
    },
    wait(delay) {
      if (rung) return Promise.resolve();
      return new Promise((resolve) => {
        const cancel = clock.after(delay, () => answer?.());
        answer = () => {
          cancel();
          answer = undefined;
          resolve();
        };
      });
    },
  };
}
