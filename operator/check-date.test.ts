import { expect, test } from "vitest";
import { checkDate, type CheckDate } from "./check-date.ts";

const now = 1_000_000_000_000;
const minute = 60_000;
const hour = 60 * minute;

/** Minutes from `now`. */
const minutes = ({ at }: CheckDate): number => (at - now) / minute;

test("the first long pause ends anywhere in it, the next ones take a tenth longer at most", () => {
  const dates = [0, 0.25, 0.75].map((draw) => checkDate(now + hour, undefined, now, () => draw));
  expect(dates.map(minutes)).toEqual([60, 45, 15]);
  const [, , early] = dates;
  expect(minutes(checkDate(now + 75 * minute, early, now + 15 * minute, () => 0))).toBe(75);
  expect(minutes(checkDate(now + 75 * minute, early, now + 15 * minute, () => 1))).toBe(81);
});

test("it ends not at once: two checks that miss a record are not one", () => {
  expect(checkDate(now + hour, undefined, now, () => 0.9999).at).toBe(now + 10_000);
});

test("a quarter of an hour that rises to an hour is another rhythm, a minute that doubles is none", () => {
  const before = checkDate(now, undefined, now - 15 * minute, () => 0);
  expect(before.pause).toBe(15 * minute);
  expect(minutes(checkDate(now + hour, before, now, () => 0.75))).toBe(15);
  const short = checkDate(now, undefined, now - minute, () => 0);
  expect(minutes(checkDate(now + 2 * minute, short, now, () => 0))).toBe(2);
});

test("whoever asks for the same again is given the same date", () => {
  const date = checkDate(now + hour, undefined, now, () => 0.5);
  expect(checkDate(now + hour, date, now + 10 * minute, () => 0.1)).toBe(date);
});

test("what is still wanted after an early check waits until then, not for another early one", () => {
  const date = checkDate(now + hour, undefined, now, () => 0.5);
  expect(minutes(checkDate(now + hour, date, now + 30 * minute, () => 0))).toBe(60);
});

test("short pauses, and what is due, are as wanted", () => {
  expect(checkDate(now + 5000, undefined, now, () => 0.5).at).toBe(now + 5000);
  expect(checkDate(now - hour, undefined, now, () => 0.5).at).toBe(now);
});
