import type { CustomObject } from "../cluster/object.ts";
import type { RelayTenantSpec, RelayTenantStatus } from "../crds/relay-tenant.ts";
import type { SendingDomainSpec, SendingDomainStatus } from "../crds/sending-domain.ts";

// The one place that trusts the cluster: a spec was validated and defaulted by it, a status is the operator's own.
// oxlint-disable typescript/no-unsafe-type-assertion

/** The spec of a RelayTenant as the cluster admitted it. */
export function tenantSpec(object: CustomObject<"RelayTenant">): RelayTenantSpec {
  return object.spec as RelayTenantSpec;
}

/** The status that a RelayTenant was last given. */
export function tenantStatusOf(object: CustomObject<"RelayTenant">): RelayTenantStatus | undefined {
  return object.status as RelayTenantStatus | undefined;
}

/** The spec of a SendingDomain as the cluster admitted it. */
export function domainSpec(object: CustomObject<"SendingDomain">): SendingDomainSpec {
  return object.spec as SendingDomainSpec;
}

/** The status that a SendingDomain was last given. */
export function domainStatusOf(object: CustomObject<"SendingDomain">): SendingDomainStatus | undefined {
  return object.status as SendingDomainStatus | undefined;
}

/** The status that a custom resource of either kind was last given. */
export function statusOf(object: CustomObject): RelayTenantStatus | SendingDomainStatus | undefined {
  return object.status as RelayTenantStatus | SendingDomainStatus | undefined;
}
