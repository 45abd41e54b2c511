import { expect, test } from "vitest";
import type { Clock } from "../runtime/clock.ts";
import { createRateLimiter, takeTurn } from "./rate-limit.ts";

const limit = { perSecond: 10, burst: 3 };

test.each<[string, number, number, { fullAt: number; wait: number }]>([
  ["a full bucket", 0, 5000, { fullAt: 5100, wait: 0 }],
  ["the last of the burst", 5200, 5000, { fullAt: 5300, wait: 0 }],
  ["the first over the burst", 5300, 5000, { fullAt: 5400, wait: 100 }],
  ["the tenth over the burst", 6200, 5000, { fullAt: 6300, wait: 1000 }],
])("%s", (...[, fullAt, now, expected]) => {
  expect(takeTurn(fullAt, now, limit)).toEqual(expected);
});

/** A clock on which sleep is over at once. */
function fakeClock(): Clock & { at: number; slept: number[] } {
  const clock = {
    at: 100_000,
    slept: [] as number[],
    now: () => clock.at,
    after: () => () => undefined,
    sleep: (delay: number) => {
      clock.slept.push(delay);
      return Promise.resolve();
    },
  };
  return clock;
}

test("who is patient waits for a turn, who is not gets none, and other keys are not concerned", async () => {
  const clock = fakeClock();
  const limiter = createRateLimiter(limit, clock);
  for (let i = 0; i < 5; i++) expect(await limiter.turn("a", 200)).toBe(true);
  expect(clock.slept).toEqual([100, 200]);
  expect(await limiter.turn("a", 200)).toBe(false);
  expect(await limiter.turn("b", 0)).toBe(true);
  clock.at += 100;
  expect(await limiter.turn("a", 200)).toBe(true);
});

test("a clock that jumps back stops nobody", async () => {
  const clock = fakeClock();
  const limiter = createRateLimiter(limit, clock);
  await limiter.turn("a", 200);
  clock.at -= 90_000;
  expect(await limiter.turn("a", 0)).toBe(true);
});

test("keys are bounded", async () => {
  const clock = fakeClock();
  const limiter = createRateLimiter(limit, clock);
  for (let i = 0; i < 3; i++) await limiter.turn("first", 0);
  for (let i = 0; i < 10_000; i++) await limiter.turn(`${i}`, 0);
  // The oldest was forgotten: its bucket is full again.
  expect(await limiter.turn("first", 0)).toBe(true);
});
