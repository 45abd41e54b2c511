import { afterAll, beforeAll } from "vitest";

/** Milliseconds between two looks at the clock. */
const step = 10;

/**
 * A clock of a test file that stands still while the machine lets this process do nothing, or while it has its hands full: what is
 * waited for by timers takes as long by it on a busy machine as on an idle one. Call it at the top; what it returns tells the time.
 */
export function unhinderedTime(): () => number {
  let [time, last] = [0, 0];
  let timer: NodeJS.Timeout | undefined;
  beforeAll(() => {
    last = performance.now();
    timer = setInterval(() => {
      const now = performance.now();
      time += Math.min(now - last, 2 * step);
      last = now;
    }, step);
  });
  afterAll(() => clearInterval(timer));
  return () => time;
}
