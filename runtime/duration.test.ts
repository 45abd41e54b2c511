import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "./duration.ts";

const cases: readonly [text: string, milliseconds: number][] = [
  ["15m", 900_000],
  ["1h30m", 5_400_000],
  ["72h", 259_200_000],
  ["200ms", 200],
  ["0s", 0],
  ["1m500ms", 60_500],
];
test.each(cases)("%s is %d ms", (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each(["", "15", "15 m", "-1m", "1d", "1.5h", "m", "1h 30m", "123456h"])("%j is not a duration", (text) => {
  expect(() => parseDuration(text)).toThrow(/write it like 15m/);
});

test.each([
  [0, "0s"],
  [1, "1s"],
  [90_000, "1m30s"],
  [900_000, "15m"],
  [121_000, "3m"],
  [3_600_000, "1h"],
  [5_340_001, "1h30m"],
  [86_400_000, "24h"],
])("%d ms is told as %s", (time, text) => {
  expect(formatDuration(time)).toBe(text);
  expect(parseDuration(text)).toBeGreaterThanOrEqual(time);
});
