import { expect, test } from "vitest";
import type { Rate } from "../../contract/rates.ts";
import type { RelayTenantSpec } from "../../crds/relay-tenant.ts";
import type { PlanConfig } from "../config.ts";
import { environmentRate, planRates, rateProblems } from "./rates.ts";

type Environment = RelayTenantSpec["environments"][number];

const environment = (rate?: Rate, name = "production"): Environment => ({
  name,
  mode: "Deliver",
  credentials: [],
  ...(rate && { rate }),
});
const plan = (rates?: PlanConfig["rates"]): PlanConfig => ({
  maxCredits: 1,
  namespaces: ["*"],
  ...(rates && { rates }),
});

test.each<[string, Rate | undefined, PlanConfig | undefined, Rate | undefined, boolean]>([
  ["its own", { perSecond: 5, perDay: 9 }, plan(), { perSecond: 5, perDay: 9 }, false],
  ["its own, of a plan that the fleet does not have", { perSecond: 5 }, undefined, { perSecond: 5 }, false],
  ["none, though the plan has one", undefined, plan({ tenant: { perSecond: 5 } }), undefined, false],
  ["the plan's where that is lower", { perSecond: 6 }, plan({ tenant: { perSecond: 5 } }), { perSecond: 5 }, true],
  ["its own where that is as low", { perSecond: 5 }, plan({ tenant: { perSecond: 5 } }), { perSecond: 5 }, false],
  [
    "the lower of each",
    { perSecond: 2, perDay: 900 },
    plan({ tenant: { perSecond: 5, perDay: 100 } }),
    { perSecond: 2, perDay: 100 },
    true,
  ],
  ["its own beside another kind of limit", { perSecond: 9 }, plan({ tenant: { perDay: 5 } }), { perSecond: 9 }, false],
  ["its own, whatever each credential may", { perDay: 9 }, plan({ credential: { perDay: 5 } }), { perDay: 9 }, false],
])("an environment's rate is %s", (...[, rate, given, expected, over]) => {
  expect(environmentRate(environment(rate), given)).toEqual(expected);
  expect(rateProblems({ environments: [environment(rate)] }, given).map(({ reason }) => reason)).toEqual(
    over ? ["RateOverPlan"] : [],
  );
});

test("one problem names every environment, the cap and what to do", () => {
  const environments = ["b", "c", "a"].map((name) => environment({ perSecond: name === "c" ? 1 : 9 }, name));
  expect(rateProblems({ environments }, plan({ tenant: { perSecond: 5, perDay: 60 } }))).toEqual([
    {
      kind: "Stalled",
      reason: "RateOverPlan",
      message:
        "The plan allows a tenant 5 recipients a second and 60 recipients a day; above that: a, b. Lower the environment's rate, or choose a plan with a higher one.",
    },
  ]);
});

test.each<[PlanConfig | undefined, unknown]>([
  [undefined, undefined],
  [plan(), undefined],
  [plan({}), undefined],
  [plan({ credential: { perDay: 2, perSecond: 1 } }), { credential: { perSecond: 1, perDay: 2 } }],
  [
    plan({ credential: { perDay: 2 }, tenant: { perSecond: 1 } }),
    { tenant: { perSecond: 1 }, credential: { perDay: 2 } },
  ],
])("of a plan %j the contract says %j", (given, expected) => {
  expect(JSON.stringify(planRates(given))).toBe(JSON.stringify(expected));
});
