import { expect, test } from "vitest";
import type { RelayTenantSpec } from "../../crds/relay-tenant.ts";
import type { PlanConfig } from "../config.ts";
import { allowanceOf, allowanceProblems } from "./allowance.ts";

type Spec = RelayTenantSpec["allowance"];

const now = Date.parse("2026-11-22T12:00:00Z");
const plan: PlanConfig = { maxCredits: 6200, namespaces: ["team-*"] };
const daily = (amount: number, topUps: Spec["topUps"] = []): Spec => ({
  plan: "Starter",
  credits: { type: "Recurring", amount, reset: "Daily" },
  topUps,
  standing: "Normal",
});
const base = (credits: Spec["credits"]): Spec => ({ plan: "Starter", credits, topUps: [], standing: "Normal" });

test.each<[string, Spec, PlanConfig | undefined, string, readonly string[]]>([
  ["200 a day", daily(200), plan, "team-a", []],
  ["201 a day", daily(201), plan, "team-a", ["CreditsOverPlan"]],
  ["1240 a week", base({ type: "Recurring", amount: 1240, reset: "Weekly" }), plan, "team-a", []],
  ["1241 a week", base({ type: "Recurring", amount: 1241, reset: "Weekly" }), plan, "team-a", ["CreditsOverPlan"]],
  ["6200 a month", base({ type: "Recurring", amount: 6200, reset: "Monthly" }), plan, "team-a", []],
  ["6201 once", base({ type: "OneTime", amount: 6201 }), plan, "team-a", ["CreditsOverPlan"]],
  ["no limit", base({ type: "Unlimited" }), plan, "team-a", ["CreditsOverPlan"]],
  ["no limit where there is none", base({ type: "Unlimited" }), { ...plan, maxCredits: "Unlimited" }, "team-a", []],
  ["a top-up over the cap", daily(200, [{ name: "a", amount: 1 }]), plan, "team-a", ["CreditsOverPlan"]],
  ["an expired top-up", daily(200, [{ name: "a", amount: 1, expiresAt: "2026-11-22T12:00:00Z" }]), plan, "team-a", []],
  ["another namespace", daily(1), plan, "other", ["PlanNotAllowed"]],
  ["another namespace and too much", daily(201), plan, "other", ["PlanNotAllowed", "CreditsOverPlan"]],
  ["no such plan", daily(1), undefined, "team-a", ["UnknownPlan"]],
  [
    "a time that is none",
    daily(1, [{ name: "a", amount: 1, expiresAt: "soon" }]),
    plan,
    "team-a",
    ["TopUpTimeInvalid"],
  ],
])("%s", (...[, spec, given, namespace, expected]) => {
  expect(allowanceProblems(spec, given, namespace, now).map(({ reason }) => reason)).toEqual(expected);
});

test("a contract's allowance is sorted, in milliseconds, and never negative", () => {
  const spec = daily(1, [
    { name: "b", amount: 1, expiresAt: "0001-01-01T00:00:00Z" },
    { name: "a", amount: 2, expiresAt: "2026-12-01T00:00:00+01:00" },
    { name: "c", amount: 3, expiresAt: "soon" },
  ]);
  expect(allowanceOf(spec).topUps).toEqual([
    { name: "a", amount: 2, expiresAt: Date.parse("2026-11-30T23:00:00Z") },
    { name: "b", amount: 1, expiresAt: 0 },
    { name: "c", amount: 3, expiresAt: 0 },
  ]);
});
