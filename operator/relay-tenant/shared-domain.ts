import type { TenantContract } from "../../contract/tenant-contract.ts";
import type { PlanConfig, SharedDomain } from "../config.ts";
import { problem, type Problem } from "../reasons.ts";

/** What a tenant is called below the fleet's shared domain, and who signs for it. */
export type SharedName = NonNullable<TenantContract["shared"]>;

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
    return [problem("NoSharedDomain", "The plan has no own domains, and the fleet no shared one.")];
  const found = `${tenant.name}.${tenant.namespace}.${shared.domain} is too long for DNS.`;
  return [problem("SharedNameTooLong", found)];
}
