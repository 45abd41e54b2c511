import type { TenantContract } from "../../contract/tenant-contract.ts";
import type { PlanConfig, SharedDomain } from "../config.ts";
import { problem, type Problem } from "../reasons.ts";
import type { Sending } from "./sending.ts";

/** What a tenant is called below the fleet's shared domain, and who signs for it. */
export type SharedName = NonNullable<TenantContract["shared"]>;

/**
 * Whether mail below the fleet's shared domain can go out: its claim does not hold it (mail is refused), DNS shows no
 * Active key of it (mail is accepted and waits), or it signs.
 */
export type SharedState = "NotProven" | "NoVisibleKey" | "Signs";

/** Whether tenants of a plan may send as domains of their own. A plan that the fleet does not have allows nothing, elsewhere. */
export function allowsOwnDomains(plan: PlanConfig | undefined): boolean {
  return plan?.features?.ownDomains ?? true;
}

/** `<tenant>.<namespace>.<shared domain>`, or undefined when there is none or DNS has no room for it (RFC 1035 §2.3.4). */
export function sharedName(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  shared: SharedDomain | undefined,
): SharedName | undefined {
  if (shared === undefined) return undefined;
  const domain = `${name}.${namespace}.${shared.domain}`;
  const fits = domain.length <= 253 && domain.split(".").every((label) => label.length <= 63);
  return fits ? { domain, signedBy: shared.domain, namespace: shared.namespace } : undefined;
}

/** What stands in the way of a tenant that has no own domains. */
export function sharedProblems(
  tenant: { readonly namespace: string; readonly name: string },
  plan: PlanConfig | undefined,
  shared: SharedDomain | undefined,
): readonly Problem[] {
  if (allowsOwnDomains(plan) || sharedName(tenant, shared) !== undefined) return [];
  if (shared === undefined)
    return [problem("NoSharedDomain", "The plan has no own domains, and the fleet file names no sharedDomain.")];
  const found = `${tenant.name}.${tenant.namespace}.${shared.domain} is too long for DNS.`;
  return [problem("SharedNameTooLong", found)];
}

/** The effective sending state, with what stands in the way of the shared domain below which a tenant sends. */
export function sharedSending(sending: Sending, state: SharedState | undefined): Sending {
  if (sending.state !== "Active" || state === undefined || state === "Signs") return sending;
  return state === "NotProven"
    ? { state: "Disabled", reason: "SharedDomainNotProven" }
    : { state: "Active", reason: "NoVisibleKey" };
}

/** What that means, in sentences for people; undefined when nothing stands in the way. */
export function sharedMessage({ reason }: Sending, shared: SharedDomain | undefined): string | undefined {
  if (shared === undefined) return undefined;
  const { domain, namespace } = shared;
  if (reason === "SharedDomainNotProven")
    return `Mail is refused: no SendingDomain in the namespace ${namespace} has proven the fleet's shared domain ${domain}. Ask the platform team to publish its DKIM records.`;
  if (reason === "NoVisibleKey")
    return `Mail is accepted and waits: DNS shows no Active RSA2048 key of the fleet's shared domain ${domain}. Ask the platform team to publish its DKIM records.`;
  return undefined;
}
