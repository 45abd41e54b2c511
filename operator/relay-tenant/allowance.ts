import type { Allowance, Credits } from "../../contract/credits.ts";
import type { RelayTenantSpec } from "../../crds/relay-tenant.ts";
import type { PlanConfig } from "../config.ts";
import { namespaceAllowed } from "../namespace-pattern.ts";
import { problem, type Problem } from "../reasons.ts";

type AllowanceSpec = RelayTenantSpec["allowance"];

/** What the contract says of an allowance. Total: what the schema should have refused counts as nothing to spend. */
export function allowanceOf(spec: AllowanceSpec): Allowance {
  const topUps = spec.topUps.map(({ name, amount, expiresAt }) => {
    if (expiresAt === undefined) return { name, amount };
    const time = Date.parse(expiresAt);
    return { name, amount, expiresAt: Number.isNaN(time) ? 0 : Math.max(0, time) };
  });
  return { credits: creditsOf(spec.credits), topUps: topUps.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}

function creditsOf({ type, amount = 0, reset = "Monthly" }: AllowanceSpec["credits"]): Credits {
  if (type === "Unlimited") return { type };
  return type === "OneTime" ? { type, amount } : { type, amount, reset };
}

/** What an allowance breaks of the fleet's catalogue, in the order in which it must be mended. */
export function allowanceProblems(
  spec: AllowanceSpec,
  plan: PlanConfig | undefined,
  namespace: string,
  now: number,
): readonly Problem[] {
  if (plan === undefined) return [problem("UnknownPlan", `The fleet has no plan ${spec.plan}.`)];
  const problems: Problem[] = [];
  if (!namespaceAllowed(plan.namespaces, namespace))
    problems.push(problem("PlanNotAllowed", `The plan ${spec.plan} is not for the namespace ${namespace}.`));
  const { maxCredits } = plan;
  if (maxCredits !== "Unlimited" && monthlyCredits(allowanceOf(spec), now) > maxCredits)
    problems.push(problem("CreditsOverPlan", `The plan ${spec.plan} allows ${maxCredits} credits a month.`));
  const bad = spec.topUps.find(({ expiresAt }) => expiresAt !== undefined && Number.isNaN(Date.parse(expiresAt)));
  if (bad) problems.push(problem("TopUpTimeInvalid", `The top-up ${bad.name} expires at no time.`));
  return problems;
}

/** Periods that may begin in one month. */
const periods = { Daily: 31, Weekly: 5, Monthly: 1 } as const;

/** The most credits that an allowance gives in a month: its base in every period of it, and the unexpired top-ups. */
export function monthlyCredits({ credits, topUps }: Allowance, now: number): number {
  if (credits.type === "Unlimited") return Number.POSITIVE_INFINITY;
  const base = credits.type === "OneTime" ? credits.amount : credits.amount * periods[credits.reset];
  const open = topUps.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
  return open.reduce((total, { amount }) => total + amount, base);
}
