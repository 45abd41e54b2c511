import { expect, test } from "vitest";
import { isReached } from "./aims.ts";

test.each([
  ["Least", 3000, 3000, true],
  ["Least", 2999, 3000, false],
  ["Most", 50, 50, true],
  ["Most", 51, 50, false],
  ["Most", Number.NaN, 50, false],
] as const)("%s: %f of %f is reached: %s", (kind, value, aim, reached) => {
  expect(isReached({ name: "", unit: "", kind, value, aim })).toBe(reached);
});
