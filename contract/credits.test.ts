import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { balance, charge, creditLevel, periodOf, type Allowance, type Credits, type Usage } from "./credits.ts";

const at = (text: string): number => Date.parse(text);
const recurring = (amount: number, reset: "Daily" | "Weekly" | "Monthly"): Credits => ({
  type: "Recurring",
  amount,
  reset,
});
const once = (amount: number): Credits => ({ type: "OneTime", amount });

describe("periodOf", () => {
  test.each<[Credits, string, string, string, string]>([
    [recurring(1, "Daily"), "2026-11-22T00:00:00Z", "2026-11-22", "2026-11-22", "2026-11-23"],
    [recurring(1, "Daily"), "2026-11-22T23:59:59.999Z", "2026-11-22", "2026-11-22", "2026-11-23"],
    [recurring(1, "Daily"), "2028-02-29T12:00:00Z", "2028-02-29", "2028-02-29", "2028-03-01"],
    [recurring(1, "Weekly"), "2026-11-22T23:59:59Z", "2026-W47", "2026-11-16", "2026-11-23"],
    [recurring(1, "Weekly"), "2026-11-23T00:00:00Z", "2026-W48", "2026-11-23", "2026-11-30"],
    [recurring(1, "Weekly"), "2027-01-01T00:00:00Z", "2026-W53", "2026-12-28", "2027-01-04"],
    [recurring(1, "Weekly"), "2024-12-30T00:00:00Z", "2025-W01", "2024-12-30", "2025-01-06"],
    [recurring(1, "Monthly"), "2026-11-30T23:59:59.999Z", "2026-11", "2026-11-01", "2026-12-01"],
    [recurring(1, "Monthly"), "2026-12-31T23:59:59.999Z", "2026-12", "2026-12-01", "2027-01-01"],
    [recurring(1, "Monthly"), "2028-02-29T00:00:00Z", "2028-02", "2028-02-01", "2028-03-01"],
    [recurring(1, "Monthly"), "2027-02-28T23:59:59Z", "2027-02", "2027-02-01", "2027-03-01"],
    [recurring(1, "Monthly"), "2026-01-31T00:00:00Z", "2026-01", "2026-01-01", "2026-02-01"],
    [recurring(1, "Monthly"), "2028-02-29T23:59:59.999Z", "2028-02", "2028-02-01", "2028-03-01"],
    [recurring(1, "Monthly"), "2028-03-01T00:00:00Z", "2028-03", "2028-03-01", "2028-04-01"],
    [recurring(1, "Monthly"), "2100-02-28T23:59:59.999Z", "2100-02", "2100-02-01", "2100-03-01"],
    [recurring(1, "Monthly"), "2100-03-01T00:00:00Z", "2100-03", "2100-03-01", "2100-04-01"],
    [recurring(1, "Monthly"), "2027-04-30T23:59:59.999Z", "2027-04", "2027-04-01", "2027-05-01"],
    [recurring(1, "Daily"), "2026-03-29T01:30:00Z", "2026-03-29", "2026-03-29", "2026-03-30"],
    [recurring(1, "Daily"), "2026-10-25T02:30:00Z", "2026-10-25", "2026-10-25", "2026-10-26"],
    [recurring(1, "Daily"), "2026-12-31T23:59:59.999Z", "2026-12-31", "2026-12-31", "2027-01-01"],
    [recurring(1, "Weekly"), "2028-02-29T12:00:00Z", "2028-W09", "2028-02-28", "2028-03-06"],
    [recurring(1, "Weekly"), "2032-12-31T12:00:00Z", "2032-W53", "2032-12-27", "2033-01-03"],
  ])("%j at %s is %s", (credits, ...[now, name, startsAt, endsAt]) => {
    expect(periodOf(credits, at(now))).toEqual({ name, startsAt: at(startsAt), endsAt: at(endsAt) });
  });

  test.each<[Credits, string]>([
    [once(5), "once"],
    [{ type: "Unlimited" }, "unlimited"],
  ])("%j never ends", (credits, name) => {
    expect(periodOf(credits, at("2026-11-22T00:00:00Z"))).toEqual({ name, startsAt: 0 });
  });
});

describe("creditLevel", () => {
  test.each<[number | undefined, number, string]>([
    [undefined, 1_000_000, "Left"],
    [10, 0, "Left"],
    [10, 8, "Left"],
    [10, 9, "Low"],
    [10, 10, "Exhausted"],
    [1, 0, "Left"],
    [1, 1, "Exhausted"],
    [0, 0, "Exhausted"],
    [11, 9, "Left"],
    [11, 10, "Low"],
    [1_000_000_000, 899_999_999, "Left"],
    [1_000_000_000, 900_000_000, "Low"],
  ])("of %s, %i used: %s", (limit, used, level) => {
    expect(creditLevel(limit === undefined ? { used } : { limit, used, remaining: limit - used })).toBe(level);
  });
});

const now = at("2026-11-22T12:00:00Z");
const monthly = (amount: number, ...topUps: Allowance["topUps"]): Allowance => ({
  credits: recurring(amount, "Monthly"),
  topUps,
});
const row = (period: string, used: number, topUpsUsed: Usage["topUpsUsed"] = {}): Usage => ({
  period,
  used,
  topUpsUsed,
});
const soon = { name: "soon", amount: 5, expiresAt: now + 1000 };
const late = { name: "late", amount: 5, expiresAt: now + 2000 };
const forever = { name: "forever", amount: 5 };

interface Case {
  readonly name: string;
  readonly allowance: Allowance;
  readonly usage?: Usage;
  readonly recipients: number;
  readonly row: Usage | "Exhausted";
  readonly limit?: number;
  readonly remaining?: number;
}

const cases: readonly Case[] = [
  {
    name: "a first message",
    allowance: monthly(10),
    recipients: 3,
    row: row("2026-11", 3),
    limit: 10,
    remaining: 10,
  },
  {
    name: "the last credits",
    allowance: monthly(10),
    usage: row("2026-11", 7),
    recipients: 3,
    row: row("2026-11", 10),
    limit: 10,
    remaining: 3,
  },
  {
    name: "one recipient too many: none is billed",
    allowance: monthly(10),
    usage: row("2026-11", 8),
    recipients: 3,
    row: "Exhausted",
    limit: 10,
    remaining: 2,
  },
  {
    name: "a new month starts with nothing used, and the old one is forgotten",
    allowance: monthly(10),
    usage: row("2026-10", 10),
    recipients: 1,
    row: row("2026-11", 1),
    limit: 10,
    remaining: 10,
  },
  {
    name: "a changed reset opens a new period",
    allowance: { credits: recurring(10, "Daily"), topUps: [] },
    usage: row("2026-11", 10),
    recipients: 1,
    row: { ...row("2026-11-22", 1), otherPeriods: { "2026-11": 10 } },
    limit: 10,
    remaining: 10,
  },
  {
    name: "a changed reset refills no top-up",
    allowance: { credits: recurring(1, "Daily"), topUps: [forever] },
    usage: row("2026-11", 10, { forever: 4 }),
    recipients: 3,
    row: "Exhausted",
    limit: 6,
    remaining: 2,
  },
  {
    name: "a reset that is changed back finds what was spent",
    allowance: monthly(10),
    usage: { ...row("2026-11-22", 4), otherPeriods: { "2026-11": 9, "2026-W46": 3 } },
    recipients: 1,
    row: { ...row("2026-11", 10), otherPeriods: { "2026-11-22": 4, "2026-W46": 3 } },
    limit: 10,
    remaining: 1,
  },
  {
    name: "a period that is over by then is forgotten",
    allowance: monthly(10),
    usage: { ...row("2026-11-22", 4), otherPeriods: { "2026-10": 9, once: 2 } },
    recipients: 1,
    row: { ...row("2026-11", 1), otherPeriods: { "2026-11-22": 4, once: 2 } },
    limit: 10,
    remaining: 10,
  },
  {
    name: "base first, then the top-up that expires first, those that never expire last",
    allowance: monthly(10, forever, late, soon),
    usage: row("2026-11", 9),
    recipients: 12,
    row: row("2026-11", 10, { soon: 5, late: 5, forever: 1 }),
    limit: 25,
    remaining: 16,
  },
  {
    name: "equal expiry goes by name",
    allowance: monthly(0, { ...forever, name: "b" }, { ...forever, name: "a" }),
    recipients: 6,
    row: row("2026-11", 0, { a: 5, b: 1 }),
    limit: 10,
    remaining: 10,
  },
  {
    name: "an expired top-up is worth nothing from its very moment",
    allowance: monthly(1, { ...soon, expiresAt: now }),
    usage: row("2026-11", 1),
    recipients: 1,
    row: "Exhausted",
    limit: 1,
    remaining: 0,
  },
  {
    name: "a top-up is one pool over periods",
    allowance: monthly(1, forever),
    usage: row("2026-10", 1, { forever: 3 }),
    recipients: 3,
    row: row("2026-11", 1, { forever: 5 }),
    limit: 6,
    remaining: 3,
  },
  {
    name: "the same name never refills, and a raised amount adds the difference",
    allowance: monthly(0, { ...forever, amount: 8 }),
    usage: row("2026-11", 0, { forever: 5 }),
    recipients: 3,
    row: row("2026-11", 0, { forever: 8 }),
    limit: 8,
    remaining: 3,
  },
  {
    name: "a lowered amount leaves nothing, not less",
    allowance: monthly(2, { ...forever, amount: 1 }),
    usage: row("2026-11", 9, { forever: 5 }),
    recipients: 1,
    row: "Exhausted",
    limit: 3,
    remaining: 0,
  },
  {
    name: "what a removed top-up spent is remembered",
    allowance: monthly(10),
    usage: row("2026-11", 1, { gone: 5 }),
    recipients: 1,
    row: row("2026-11", 2, { gone: 5 }),
    limit: 10,
    remaining: 9,
  },
  {
    name: "OneTime credits survive the month",
    allowance: { credits: once(10), topUps: [] },
    usage: row("once", 9),
    recipients: 1,
    row: row("once", 10),
    limit: 10,
    remaining: 1,
  },
  {
    name: "a name that objects inherit is a name like others",
    allowance: monthly(0, { name: "constructor", amount: 2 }),
    recipients: 1,
    row: row("2026-11", 0, { constructor: 1 }),
    limit: 2,
    remaining: 2,
  },
  {
    name: "Unlimited counts and never ends",
    allowance: { credits: { type: "Unlimited" }, topUps: [forever] },
    usage: row("unlimited", 1_000_000),
    recipients: 100,
    row: row("unlimited", 1_000_100),
  },
];

describe("charge and balance", () => {
  test.each(cases)("$name", ({ allowance, usage, recipients, row: expected, limit, remaining }) => {
    expect(charge(allowance, usage, recipients, now)).toEqual(expected);
    const before = balance(allowance, usage, now);
    expect(before.limit).toBe(limit);
    expect(before.remaining).toBe(remaining);
    expect(before.used).toBe(limit === undefined ? usage?.used : limit - (remaining ?? 0));
  });

  test("says when the base credits come back", () => {
    expect(balance(monthly(10), undefined, now)).toEqual({
      limit: 10,
      used: 0,
      remaining: 10,
      resetsAt: at("2026-12-01"),
    });
    expect(balance({ credits: once(3), topUps: [] }, undefined, now)).toEqual({ limit: 3, used: 0, remaining: 3 });
    expect(balance({ credits: { type: "Unlimited" }, topUps: [] }, row("unlimited", 4), now)).toEqual({ used: 4 });
  });

  test.each<[string, Allowance, Usage, string, number]>([
    // The reset changes; each time a new period opens at once with nothing used.
    ["Monthly to Daily", { credits: recurring(10, "Daily"), topUps: [] }, row("2026-11", 10), "2026-11-22", 10],
    ["Monthly to Weekly", { credits: recurring(10, "Weekly"), topUps: [] }, row("2026-11", 10), "2026-W47", 10],
    ["Daily to Monthly", monthly(10), row("2026-11-22", 10), "2026-11", 10],
    ["Recurring to OneTime", { credits: once(10), topUps: [] }, row("2026-11", 10), "once", 10],
    ["OneTime to Recurring", monthly(10), row("once", 10), "2026-11", 10],
    ["Unlimited to Recurring", monthly(10), row("unlimited", 900), "2026-11", 10],
    // The amount changes: the period goes on.
    ["a higher amount", monthly(15), row("2026-11", 10), "2026-11", 5],
    ["a lower amount", monthly(5), row("2026-11", 10), "2026-11", 0],
  ])("in mid-period, %s", (...[, allowance, usage, period, remaining]) => {
    expect(periodOf(allowance.credits, now).name).toBe(period);
    expect(balance(allowance, usage, now).remaining).toBe(remaining);
  });

  test("a charge takes exactly its recipients from the balance, or nothing", () => {
    const topUp = fc.record({
      name: fc.constantFrom("a", "b", "c"),
      amount: fc.nat(20),
      expiresAt: fc.integer({ min: now - 5, max: now + 5 }),
    });
    const allowances = fc.record({
      credits: fc.oneof(
        fc.nat(20).map(once),
        fc.tuple(fc.nat(20), fc.constantFrom("Daily" as const, "Monthly" as const)).map(([n, r]) => recurring(n, r)),
      ),
      topUps: fc.uniqueArray(topUp, { selector: (each) => each.name }),
    });
    const usages = fc.option(
      fc.record(
        {
          period: fc.constantFrom("2026-11", "2026-11-22", "once"),
          used: fc.nat(25),
          otherPeriods: fc.dictionary(fc.constantFrom("2026-11", "2026-10", "2026-11-22"), fc.nat(25)),
          topUpsUsed: fc.dictionary(fc.constantFrom("a", "b", "c"), fc.nat(25)),
        },
        { requiredKeys: ["period", "used", "topUpsUsed"] },
      ),
      { nil: undefined },
    );
    fc.assert(
      fc.property(allowances, usages, fc.integer({ min: 1, max: 40 }), (allowance, usage, recipients) => {
        const before = balance(allowance, usage, now).remaining ?? 0;
        const after = charge(allowance, usage, recipients, now);
        const left = after === "Exhausted" ? before : balance(allowance, after, now).remaining;
        expect(after === "Exhausted").toBe(before < recipients);
        expect(left).toBe(before < recipients ? before : before - recipients);
      }),
      { numRuns: 2000 },
    );
  });
});
