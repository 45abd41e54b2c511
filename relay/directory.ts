import type { DomainContract } from "../contract/domain-contract.ts";
import { tenantKey } from "../contract/names.ts";
import type { SmarthostSecret } from "../contract/smarthost-secret.ts";
import type {
  ContractCredential,
  ContractDelivery,
  ContractEnvironment,
  TenantContract,
} from "../contract/tenant-contract.ts";

/** A credential with all that it stands for. */
export interface Login {
  /** `namespace/name` of the RelayTenant. */
  readonly tenantKey: string;
  readonly tenant: TenantContract;
  readonly environment: ContractEnvironment;
  readonly credential: ContractCredential;
}

/** What the contracts say at one moment, in the order in which a relay asks. Immutable: a change is another Directory. */
export interface Directory {
  /** Who a credential id belongs to. */
  login(credentialId: string): Login | undefined;
  /** The contract of the claim that holds a domain, in lower-case A-labels. */
  domain(domain: string): DomainContract | undefined;
  /** The contract of a RelayTenant, by `namespace/name`. */
  tenant(key: string): TenantContract | undefined;
  /** The credentials for a smarthost in a Secret, and whose they are. */
  smarthostSecret(secretName: string): SmarthostSecret | undefined;
}

/**
 * Builds the look-ups. Of two contracts that name one credential id, domain or tenant the first counts: ids are random
 * and names of contracts unique, so a second one is nobody's honest work.
 */
export function buildDirectory(
  tenants: readonly TenantContract[],
  domains: readonly DomainContract[],
  smarthostSecrets: ReadonlyMap<string, SmarthostSecret> = new Map(),
): Directory {
  const byId = firstOf(tenants.flatMap(loginsOf), ({ credential }) => credential.id);
  const byDomain = firstOf(domains, ({ domain }) => domain);
  const byKey = firstOf(tenants, ({ namespace, name }) => tenantKey(namespace, name));
  return {
    login: (id) => byId.get(id),
    domain: (domain) => byDomain.get(domain),
    tenant: (key) => byKey.get(key),
    smarthostSecret: (secretName) => smarthostSecrets.get(secretName),
  };
}

/** The contract of the fleet's shared domain, if the claim that is to hold it does. */
export function sharedContract(
  directory: Pick<Directory, "domain">,
  shared: NonNullable<TenantContract["shared"]>,
): DomainContract | undefined {
  const held = directory.domain(shared.signedBy);
  return held?.claim.namespace === shared.namespace ? held : undefined;
}

/**
 * How a tenant's mail leaves now. Credentials that its contract names and that are not there, or are another tenant's, are
 * withheld.
 */
export function deliveryOf(directory: Pick<Directory, "smarthostSecret">, tenant: TenantContract): ContractDelivery {
  const smarthosts = tenant.delivery.smarthosts.map((smarthost) => {
    const { credential } = smarthost;
    if (credential?.kind !== "Secret") return smarthost;
    const source = directory.smarthostSecret(credential.secretName)?.source;
    if (source?.namespace === tenant.namespace && source.tenant === tenant.name) return smarthost;
    return { ...smarthost, credential: { kind: "Withheld" as const, reason: "SecretNotCopied" } };
  });
  return { ...tenant.delivery, smarthosts };
}

/** Whether an environment may send as a domain, compared exactly. */
export function maySendAs(directory: Directory, login: Login, domain: string): boolean {
  const { tenant, environment } = login;
  if (environment.domains !== undefined && !environment.domains.includes(domain)) return false;
  const { shared } = tenant;
  if (tenant.domains === "Shared") return shared?.domain === domain && sharedContract(directory, shared) !== undefined;
  const held = directory.domain(domain);
  if (held?.claim.namespace === tenant.namespace && held.tenant === tenant.name) return true;
  return environment.mode === "Capture" && tenant.unproven.some((unproven) => unproven.domain === domain);
}

function loginsOf(tenant: TenantContract): readonly Login[] {
  const key = tenantKey(tenant.namespace, tenant.name);
  return tenant.environments.flatMap((environment) =>
    environment.credentials.map((credential) => ({ tenantKey: key, tenant, environment, credential })),
  );
}

function firstOf<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, T> {
  return new Map(items.toReversed().map((item) => [keyOf(item), item]));
}
