import { describe, expect, test } from "vitest";
import { delayAfter, isExpired, nextDue, type Schedule } from "./schedule.ts";

const minute = 60_000;
const schedule: Schedule = {
  delays: [1, 5, 15, 30, 60, 120, 240].map((m) => m * minute),
  jitter: 0.1,
  maxAge: 72 * 60 * minute,
};

describe("the schedule", () => {
  test("is this one, in minutes", () => {
    const minutes = Array.from({ length: 10 }, (_, i) => delayAfter(i + 1, schedule, 0.5) / minute);
    expect(minutes).toEqual([1, 5, 15, 30, 60, 120, 240, 240, 240, 240]);
  });

  test.each([
    [0, 54_000],
    [0.5, 60_000],
    [0.999_999, 66_000],
  ])("with chance %d the first delay is %d ms", (random, want) => expect(delayAfter(1, schedule, random)).toBe(want));

  test.each([
    [0, false],
    [72 * 60 * minute - 1, false],
    [72 * 60 * minute, true],
    [-minute, false],
  ])("at the age of %d ms expired is %s", (age, want) => expect(isExpired(1000, 1000 + age, schedule)).toBe(want));

  test.each([
    ["within its life", 0, minute, minute],
    ["at most until it expires", schedule.maxAge - 1000, minute, schedule.maxAge],
    ["now, when it is past that", schedule.maxAge + 5, minute, schedule.maxAge + 5],
  ])("the next look is %s", (_, now, delay, want) => expect(nextDue(0, now, delay, schedule)).toBe(want));
});
