import { expect, test } from "vitest";
import type { Allowance, Usage } from "../../contract/credits.ts";
import { creditNotes, reportCredits } from "./credit-report.ts";

const now = Date.parse("2026-11-22T12:00:00Z");
const period = "2026-11";
const monthly = (amount: number): Allowance => ({
  credits: { type: "Recurring", amount, reset: "Monthly" },
  topUps: [],
});
const unlimited: Allowance = { credits: { type: "Unlimited" }, topUps: [] };
const used = (count: number, name = period): Usage => ({ period: name, used: count, topUpsUsed: {} });

test.each<[Allowance, Usage | undefined, number, number | undefined, string]>([
  [monthly(12_000), undefined, 0, 12_000, "True/CreditsLeft"],
  [monthly(12_000), used(1199), 0, 12_000, "True/CreditsLeft"],
  [monthly(12_000), used(1200), 1200, 10_800, "True/CreditsLeft"],
  [monthly(12_000), used(10_799), 9600, 2400, "True/CreditsLeft"],
  [monthly(12_000), used(10_800), 10_800, 1200, "True/CreditsLow"],
  [monthly(12_000), used(11_999), 10_800, 1200, "True/CreditsLow"],
  [monthly(12_000), used(12_000), 12_000, 0, "False/CreditsExhausted"],
  [monthly(3), used(1), 1, 2, "True/CreditsLeft"],
  [monthly(3), used(2), 2, 1, "True/CreditsLeft"],
  [monthly(3), used(3), 3, 0, "False/CreditsExhausted"],
  [monthly(0), undefined, 0, 0, "False/CreditsExhausted"],
  [monthly(10), used(9, "2026-10"), 0, 10, "True/CreditsLeft"],
  [unlimited, used(7, "unlimited"), 7, undefined, "True/Unlimited"],
  [unlimited, used(4711, "unlimited"), 4000, undefined, "True/Unlimited"],
])("%j after %j", (...[allowance, usage, shown, remaining, condition]) => {
  const { status, finding } = reportCredits(allowance, { kind: "Known", ...(usage && { usage }) }, undefined, now);
  expect(status?.used).toBe(shown);
  expect(status?.remaining).toBe(remaining);
  expect(`${finding.status}/${finding.reason}`).toBe(condition);
});

test("a status changes at most ten times while a limit is used up", () => {
  const seen = new Set<string>();
  for (let count = 0; count <= 1000; count++)
    seen.add(JSON.stringify(reportCredits(monthly(1000), { kind: "Known", usage: used(count) }, undefined, now)));
  expect(seen.size).toBe(11);
});

test("when nobody can be asked the last numbers stand", () => {
  const before = { period, limit: 10, used: 5, remaining: 5 };
  const report = reportCredits(monthly(10), { kind: "Unavailable" }, before, now);
  expect(report.status).toEqual(before);
  expect(report.finding).toMatchObject({ status: "Unknown", reason: "UsageUnavailable" });
});

test("it knows when time alone changes it", () => {
  const topUps = [
    { name: "a", amount: 1, expiresAt: now + 5000 },
    { name: "b", amount: 1 },
  ];
  expect(reportCredits({ ...monthly(1), topUps }, { kind: "Known" }, undefined, now).changesAt).toBe(now + 5000);
  expect(reportCredits(monthly(1), { kind: "Known" }, undefined, now).changesAt).toBe(Date.parse("2026-12-01"));
  expect(reportCredits(unlimited, { kind: "Known" }, undefined, now)).not.toHaveProperty("changesAt");
});

test("each crossing is told once, in the steps in which a status is written", () => {
  const told: string[] = [];
  let before: ReturnType<typeof reportCredits>["status"];
  const pass = (observed: Parameters<typeof reportCredits>[1], allowance = monthly(100), at = now): void => {
    const { status } = reportCredits(allowance, observed, before, at);
    told.push(...creditNotes(before, status).map(({ level, reason }) => `${level} ${reason}`));
    before = status;
  };
  for (let count = 0; count <= 100; count++) pass({ kind: "Known", usage: used(count) });
  expect(told.splice(0)).toEqual(["warn CreditsLow", "warn CreditsExhausted"]);
  pass({ kind: "Unavailable" });
  pass({ kind: "Known", usage: used(100) });
  expect(told.splice(0)).toEqual([]);
  pass({ kind: "Known", usage: used(100) }, monthly(200));
  expect(told.splice(0)).toEqual(["info CreditsRenewed"]);
  pass({ kind: "Known", usage: used(190) }, monthly(200));
  pass({ kind: "Known", usage: used(190) }, monthly(200), Date.parse("2026-12-01"));
  pass({ kind: "Known", usage: used(95, "2026-12") }, monthly(100), Date.parse("2026-12-02"));
  expect(told.splice(0)).toEqual(["warn CreditsLow", "warn CreditsLow"]);
  pass({ kind: "Known", usage: used(5, "unlimited") }, unlimited);
  expect(told).toEqual([]);
});
