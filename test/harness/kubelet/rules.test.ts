import { describe, expect, test } from "vitest";
import { expand } from "./expand.ts";
import { quantity } from "./quantity.ts";
import { restartDelay } from "./container-record.ts";
import { renewalTime } from "./tokens.ts";

describe("expand", () => {
  test.each([
    ["$(A)-$(B)", "1-2"],
    ["$(C) $(A", "$(C) $(A"],
    ["$$(A) $$$(A) $A", "$(A) $1 $A"],
    ["$(toString)", "$(toString)"],
  ])("%s", (text, expected) => {
    expect(expand(text, { A: "1", B: "2" })).toBe(expected);
  });
});

test.each([
  ["1", 1],
  ["500m", 0.5],
  ["64Mi", 67_108_864],
  ["1e3", 1000],
  ["2k", 2000],
])("the quantity %s", (text, expected) => {
  expect(quantity(text)).toBe(expected);
});

test.each(["", "Mi", "1 Gi", "1x"])("no quantity: %j", (text) => {
  expect(() => quantity(text)).toThrow("no quantity");
});

test("restarts wait longer each time, up to half a minute", () => {
  expect([0, 1, 2, 5, 30].map(restartDelay)).toEqual([1000, 2000, 4000, 30_000, 30_000]);
});

test("tokens are renewed after four fifths of their life, and each day", () => {
  const hour = 3_600_000;
  expect([renewalTime(0, hour), renewalTime(0, 240 * hour)]).toEqual([0.8 * hour, 24 * hour]);
});
