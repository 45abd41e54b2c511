import type { Rate } from "../../contract/rates.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import type { RelayTenantSpec } from "../../crds/relay-tenant.ts";
import type { PlanConfig } from "../config.ts";
import { problem, type Problem } from "../reasons.ts";

type Environment = RelayTenantSpec["environments"][number];

/** The rate that holds for an environment: its own, where the plan does not give the whole tenant less. */
export function environmentRate({ rate }: Environment, plan: PlanConfig | undefined): Rate | undefined {
  if (rate === undefined) return undefined;
  const cap = plan?.rates?.tenant;
  return rateOf({ perSecond: tighter(rate.perSecond, cap?.perSecond), perDay: tighter(rate.perDay, cap?.perDay) });
}

/** The limits that a plan sets, as the contract tells them; undefined when there are none. */
export function planRates(plan: PlanConfig | undefined): TenantContract["rates"] {
  const { tenant, credential } = plan?.rates ?? {};
  if (tenant === undefined && credential === undefined) return undefined;
  return { ...(tenant && { tenant: rateOf(tenant) }), ...(credential && { credential: rateOf(credential) }) };
}

/**
 * Environments that ask for more than the plan gives. Stalled like everything that a plan forbids, so that nobody waits
 * for a rate that never comes; but no mail is refused for it, because the plan's own rate holds all the same.
 */
export function rateProblems(
  spec: Pick<RelayTenantSpec, "environments">,
  plan: PlanConfig | undefined,
): readonly Problem[] {
  const cap = plan?.rates?.tenant;
  if (cap === undefined) return [];
  const over = spec.environments.filter(
    ({ rate }) => exceeds(rate?.perSecond, cap.perSecond) || exceeds(rate?.perDay, cap.perDay),
  );
  if (over.length === 0) return [];
  const names = over
    .map(({ name }) => name)
    .toSorted()
    .join(", ");
  return [problem("RateOverPlan", `The plan allows a tenant ${rateText(cap)}; above that: ${names}.`)];
}

/** Member by member, so that equal contracts are equal text. */
function rateOf({
  perSecond,
  perDay,
}: {
  readonly perSecond?: number | undefined;
  readonly perDay?: number | undefined;
}): Rate {
  return { ...(perSecond !== undefined && { perSecond }), ...(perDay !== undefined && { perDay }) };
}

function exceeds(wanted: number | undefined, cap: number | undefined): boolean {
  return wanted !== undefined && cap !== undefined && wanted > cap;
}

function tighter(wanted: number | undefined, cap: number | undefined): number | undefined {
  return exceeds(wanted, cap) ? cap : wanted;
}

function rateText({ perSecond, perDay }: Rate): string {
  const parts = [
    ...(perSecond === undefined ? [] : [`${perSecond} recipients a second`]),
    ...(perDay === undefined ? [] : [`${perDay} recipients a day`]),
  ];
  return parts.join(" and ");
}
