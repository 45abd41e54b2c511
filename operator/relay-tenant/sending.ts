import type { TenantContract } from "../../contract/tenant-contract.ts";
import type { RelayTenantSpec } from "../../crds/relay-tenant.ts";
import type { Problem } from "../reasons.ts";

/** Whether a tenant may send, and why. */
export type Sending = TenantContract["sending"];

/**
 * The effective sending state: what the platform says of the tenant comes first, then what its allowance breaks of the
 * plan (`refused`), then the tenant's own switch.
 */
export function effectiveSending(
  { allowance, sending }: Pick<RelayTenantSpec, "allowance" | "sending">,
  refused: readonly Problem[],
): Sending {
  if (allowance.standing === "Suspended") return { state: "Suspended", reason: "SuspendedByPlatform" };
  const first = refused.find(({ reason }) => reason !== "TopUpTimeInvalid");
  if (first) return { state: "Disabled", reason: first.reason };
  return sending === "Enabled"
    ? { state: "Active", reason: "Enabled" }
    : { state: "Disabled", reason: "DisabledByTenant" };
}

/** Why, in a sentence for people, and what to do. */
export function sendingMessage({ state, reason }: Sending, problems: readonly Problem[]): string {
  if (state === "Active") return "Mail is accepted.";
  if (state === "Suspended")
    return "The platform has suspended the tenant: new mail is refused, what was accepted before is delivered. Ask the platform team.";
  const cause = problems.find((each) => each.reason === reason);
  return cause?.message ?? "The tenant has switched sending off: set spec.sending to Enabled.";
}
