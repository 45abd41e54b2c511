import type { ManualClock } from "./manual-clock.ts";

/** Real time that what a step of the clock has set off gets before the next one. */
const breath = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));

/** Moves a clock on by `time` ms in small steps, and lets real connections keep up. */
export async function pass(clock: ManualClock, time: number, step = 500): Promise<void> {
  for (let passed = 0; passed < time; passed += step) {
    await clock.advance(Math.min(step, time - passed));
    await breath();
  }
}

/**
 * Moves a clock on until `isSo`, and says after how many ms of it that was. Throws after `longest` ms of the clock and a
 * minute of real time: a machine that is slow to connect is no fault.
 */
export async function passUntil(clock: ManualClock, isSo: () => boolean, longest = 300_000): Promise<number> {
  const giveUpAt = Date.now() + 60_000;
  let passed = 0;
  for (; !isSo(); passed += passed < longest ? 250 : 0) {
    if (passed < longest) await clock.advance(250);
    else if (Date.now() > giveUpAt) throw new Error(`not so after ${passed / 1000} s of the clock: ${isSo.toString()}`);
    await breath();
  }
  return passed;
}
