import { describe, expect, test } from "vitest";
import { quarterlySlot, rotationRules, scheduleDue } from "./rotation.ts";

const hour = 3_600_000;
const day = 24 * hour;

describe("the slots of 10,000 domains in a quarter", () => {
  const start = Date.parse("2027-01-01T00:00:00Z");
  const slots = Array.from({ length: 10_000 }, (_, n) =>
    quarterlySlot({ namespace: `team-${n % 7}`, name: "shop", domain: `d${n}.example` }, start + 40 * day),
  );
  const most = (size: number): number =>
    Math.max(
      ...[...Map.groupBy(slots, (slot) => Math.floor((slot - start) / size)).values()].map(({ length }) => length),
    );

  test("lie in its first 75 days, in all of them", () => {
    expect(new Set(slots.map((slot) => Math.floor((slot - start) / day))).size).toBe(75);
    expect(Math.min(...slots)).toBeGreaterThanOrEqual(start);
    expect(Math.max(...slots)).toBeLessThan(start + 75 * day);
  });
  test("never crowd: 134 a day and 6 an hour would be even", () => {
    expect(most(day)).toBeLessThan(200);
    expect(most(hour)).toBeLessThan(25);
  });
  test("are the same throughout it, and as late in the next", () => {
    const claim = { namespace: "team", name: "shop", domain: "shop.example" };
    const slot = quarterlySlot(claim, start);
    expect(quarterlySlot(claim, start + 90 * day - 1)).toBe(slot);
    const next = Date.parse("2027-04-01T00:00:00Z");
    expect(quarterlySlot(claim, next) - next).toBe(slot - start);
  });
});

const manual = { schedule: "Manual", overlap: "240h", retention: "720h" } as const;

const asked = { overlap: 240 * hour, overlapWanted: undefined, retention: 720 * hour, every: 90 * day };

test.each([
  ["as long as is asked", manual, {}],
  [
    "mail of 72 h and 48 h more, asked for less",
    { ...manual, overlap: "119h" },
    { overlap: 120 * hour, overlapWanted: 120 * hour },
  ],
  ["just that", { ...manual, overlap: "120h" }, { overlap: 120 * hour }],
  ["48 h of retention, asked for less", { ...manual, retention: "1h" }, { retention: 48 * hour }],
  ["the defaults where nobody can read it", { ...manual, overlap: "ten days", retention: "" }, {}],
  ["a day, asked for less", { ...manual, every: "1h" }, { every: day }],
])("a rotation counts %s", (_, rotation, expected) => {
  expect(rotationRules(rotation, 72 * hour)).toEqual({ schedule: "Manual", ...asked, ...expected });
});

test.each([
  ["Manual, after years", manual, 3000, 3000, false],
  ["Interval, of the age", { ...manual, schedule: "Interval" as const, every: "720h" }, 30, 30, true],
  [
    "Interval, of the age only by a clock that jumped",
    { ...manual, schedule: "Interval" as const, every: "720h" },
    3000,
    29,
    false,
  ],
  ["Quarterly, 61 days old at the slot", { ...manual, schedule: "Quarterly" as const }, 61, 61, true],
  ["Quarterly, 59 days old at the slot", { ...manual, schedule: "Quarterly" as const }, 59, 59, false],
  ["Quarterly, 61 days only by a clock that jumped", { ...manual, schedule: "Quarterly" as const }, 61, 59, false],
])("%s", (...[, rotation, days, seen, expected]) => {
  const claim = { namespace: "team", name: "shop", domain: "shop.example" };
  const now = quarterlySlot(claim, Date.parse("2027-02-01T00:00:00Z"));
  const age = { since: now - days * day, age: seen * day };
  expect(scheduleDue(claim, rotationRules(rotation, 72 * hour), age, now)).toBe(expected);
});
