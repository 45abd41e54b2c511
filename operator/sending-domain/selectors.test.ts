import { expect, test } from "vitest";
import { allotSelectors, hasPrefix } from "./selectors.ts";

test.each([
  ["2026-01-01T00:00:00Z", "s2026q1"],
  ["2026-03-31T23:59:59Z", "s2026q1"],
  ["2026-04-01T00:00:00Z", "s2026q2"],
  ["2026-09-30T23:59:59Z", "s2026q3"],
  ["2026-11-22T12:00:00Z", "s2026q4"],
  ["2026-12-31T23:59:59.999Z", "s2026q4"],
  ["2027-01-01T00:00:00Z", "s2027q1"],
])("at %s it is %s, by UTC", (now, selector) => {
  expect(allotSelectors("s", ["RSA2048"], [], Date.parse(now))).toEqual([{ selector, algorithm: "RSA2048" }]);
});

const now = Date.parse("2026-11-22T12:00:00Z");
test.each<[readonly string[], readonly string[]]>([
  [[], ["s2026q4", "s2026q4-ed"]],
  [
    ["s2026q3", "t2026q4"],
    ["s2026q4", "s2026q4-ed"],
  ],
  [
    ["s2026q4", "s2026q4-ed"],
    ["s2026q4-2", "s2026q4-2-ed"],
  ],
  [["s2026q4"], ["s2026q4-2", "s2026q4-ed"]],
  [["s2026q4-2-ed"], ["s2026q4", "s2026q4-3-ed"]],
  [
    ["s2026q4-9", "s2026q4-10", "s2026q4-x", "s2026q4-02-ed", "s2026q4-1234567-ed"],
    ["s2026q4-11", "s2026q4-ed"],
  ],
  [
    ["s2026q4", "s2026q4-2", "s2026q4-ed", "s2026q4-2-ed"],
    ["s2026q4-3", "s2026q4-3-ed"],
  ],
])("after %j come %j", (taken, expected) => {
  expect(allotSelectors("s", ["RSA2048", "Ed25519"], taken, now).map(({ selector }) => selector)).toEqual(expected);
});

test.each([
  ["s2026q4", "s", true],
  ["s2026q4-2-ed", "s", true],
  ["shop2026q4", "s", false],
  ["s2026q4", "s2", false],
  ["s-ed2026q4", "s", false],
  ["s-ed2026q4-ed", "s-ed", true],
  ["legacy", "s", false],
])("%s is of the prefix %s: %s", (selector, prefix, expected) => {
  expect(hasPrefix(selector, prefix)).toBe(expected);
});
