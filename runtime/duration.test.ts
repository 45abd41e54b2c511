import { expect, test } from "vitest";
import { parseDuration } from "./duration.ts";

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
