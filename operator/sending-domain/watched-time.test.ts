import { expect, test } from "vitest";
import { advanceWatch, startWatch, timeServed, waitPace, type WatchedTime } from "./watched-time.ts";

const hour = 3_600_000;
const pace = waitPace(hour);
const start = Date.parse("2026-11-22T12:00:00Z");

/** Hours that count after looks every hour by a clock that is off by so many hours at each. */
function served(looks: number, offAt: (hour: number) => number): number {
  let watch: WatchedTime = startWatch(start);
  let now = start;
  for (let passed = 1; passed <= looks; passed++) {
    now = start + (passed + offAt(passed)) * hour;
    watch = advanceWatch(watch, now, pace);
  }
  return timeServed(watch, now, pace) / hour;
}

test.each<[string, (passed: number) => number, number]>([
  ["is right", () => 0, 100],
  ["goes 13 h ahead and back at every look", (passed) => 13 * (passed % 2), 100],
  ["goes 13 h back and ahead at every look", (passed) => (passed > 20 ? -13 * (passed % 2) : 0), 100],
  ["is set forward by a year", (passed) => (passed < 50 ? 0 : 8760), 98],
  ["is set back by a year", (passed) => (passed < 50 ? 0 : -8760), 98],
])("a hundred hours by a clock that %s", (_, offAt, expected) => {
  expect(Math.abs(served(100, offAt) - expected)).toBeLessThanOrEqual(6);
});
