import type { ManualClock } from "./manual-clock.ts";

/** Real time that what a step of the clock has set off gets before the next one. */
const breathe = (time: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time));

/** Moves a clock on by `time` ms in small steps, and lets real connections keep up. */
export async function pass(clock: ManualClock, time: number, step = 500): Promise<void> {
  for (let passed = 0; passed < time; passed += step) {
    await clock.advance(Math.min(step, time - passed));
    await breathe(2);
  }
}

/**
 * Moves a clock on until `isSo`, at most by `longest` ms, and says after how many ms of it that was. It goes the slower the
 * longer it takes: a machine that is slow to connect must not run out of the clock's time. Throws after 90 s of real time.
 */
export async function passUntil(clock: ManualClock, isSo: () => boolean, longest = Infinity): Promise<number> {
  const giveUpAt = Date.now() + 90_000;
  let passed = 0;
  while (!isSo()) {
    const step = Math.min(250, longest - passed);
    if (step > 0) await clock.advance(step);
    passed += step;
    if (Date.now() > giveUpAt) throw new Error(`not so after ${passed / 1000} s of the clock: ${isSo.toString()}`);
    await breathe(2 + passed / 20_000);
  }
  return passed;
}
