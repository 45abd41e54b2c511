import { expect, test } from "vitest";
import { createManualClock } from "../test/harness/manual-clock.ts";
import { createKeyedTimers } from "./keyed-timers.ts";

test("what is asked for sooner comes sooner, also after the clock was set past the time that was set before", async () => {
  const clock = createManualClock(1_000_000);
  const timers = createKeyedTimers(clock);
  const fired: string[] = [];
  timers.set("a", 3_600_000, () => fired.push("late"));
  clock.jump(7_200_000);
  timers.setSooner("a", 1000, () => fired.push("soon"));
  await clock.advance(1000);
  expect(fired).toEqual(["soon"]);
  await clock.advance(7_200_000);
  expect(fired).toEqual(["soon"]);
});
