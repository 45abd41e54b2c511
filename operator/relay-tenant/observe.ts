import type { Cluster } from "../../cluster/port.ts";
import { decodeDomainContract } from "../../contract/codec.ts";
import type { DomainContract } from "../../contract/domain-contract.ts";
import {
  annotations,
  domainContractName,
  keyHistoryName,
  keySecretName,
  labels,
  tenantContractName,
  tenantKey,
  credentialRecordName,
  type ClaimIdentity,
  type CredentialIdentity,
} from "../../contract/names.ts";
import type { ContractKey } from "../../contract/tenant-contract.ts";
import type { RelayTenantSpec } from "../../crds/relay-tenant.ts";
import type { Submission } from "../action.ts";
import type { PlanConfig, PlansConfig, SharedDomain } from "../config.ts";
import { domainSpec, tenantSpec, tenantStatusOf } from "../custom-objects.ts";
import type { Relations } from "../relations.ts";
import { isOurs } from "../own-objects.ts";
import { decodeKeyHistory } from "../sending-domain/key-history.ts";
import { allowsOwnDomains, type SharedState } from "./shared-domain.ts";
import { inspectSecret, type ObservedSecret } from "./application-secret.ts";
import { decodeCredentialRecord } from "./credential-record.ts";
import { observeSmarthosts } from "./smarthost-secret.ts";
import { referredSecrets } from "./smarthosts.ts";
import type { ObservedGoneTenant, ObservedTenant, ObservedUsage, StoredRecord } from "./observed.ts";

/** What an observation of tenants reads from. */
export interface TenantSources {
  readonly cluster: Cluster;
  readonly relations: Relations;
  readonly contractNamespace: string;
  readonly plans: PlansConfig;
  readonly submission: Submission;
  readonly sharedDomain?: SharedDomain;
}

/** All that matters for a RelayTenant, from caches alone; undefined when it is gone. */
export function observeTenant(
  sources: TenantSources,
  namespace: string,
  name: string,
  usage: ObservedUsage,
): ObservedTenant | undefined {
  const { cluster, contractNamespace, plans, sharedDomain } = sources;
  const object = cluster.get<"RelayTenant">({ kind: "RelayTenant", namespace, name });
  if (object === undefined) return undefined;
  const spec = tenantSpec(object);
  const status = tenantStatusOf(object);
  const rotate = object.metadata.annotations?.[annotations.rotate];
  const plan = planOf(plans, spec.allowance.plan);
  const records = storedRecords(sources, namespace, name);
  return {
    namespace,
    name,
    generation: object.metadata.generation ?? 0,
    spec,
    ...(status && { status }),
    ...(rotate !== undefined && { rotate }),
    ...(plan && { plan }),
    ...(sharedDomain && { sharedDomain }),
    ...(sharedDomain && !allowsOwnDomains(plan) && { sharedState: sharedStateOf(sources, sharedDomain) }),
    records,
    takenRecords: takenRecords(sources, spec, records, { namespace, name }),
    secrets: secretsOf(sources, spec, records, { namespace, name }),
    smarthosts: observeSmarthosts(sources, { namespace, name }, referredSecrets(spec)),
    ...storedContract(sources, namespace, name),
    usage,
    unproven: unprovenDomains(sources, namespace, name),
    contractNamespace,
  };
}

/** The plan of a name, which may be one that objects inherit. */
function planOf(plans: PlansConfig, name: string): PlanConfig | undefined {
  return Object.hasOwn(plans, name) ? plans[name] : undefined;
}

/** What a tenant that is gone has left behind. */
export function observeGoneTenant(sources: TenantSources, namespace: string, name: string): ObservedGoneTenant {
  const { cluster, contractNamespace } = sources;
  const { metadata } = cluster.get(contractKey(contractNamespace, namespace, name)) ?? {};
  const { copies } = observeSmarthosts(sources, { namespace, name }, []);
  const gone = { contractNamespace, namespace, name, ...(copies.length > 0 && { copies }) };
  if (metadata === undefined || !isOurs(metadata, labels.contract, "tenant")) return gone;
  const { uid = "", resourceVersion = "" } = metadata;
  return { ...gone, contract: { uid, resourceVersion } };
}

function storedContract(
  { cluster, contractNamespace }: TenantSources,
  namespace: string,
  name: string,
): Pick<ObservedTenant, "contract" | "contractVersion" | "contractTaken"> {
  const secret = cluster.get<"Secret">(contractKey(contractNamespace, namespace, name));
  if (secret === undefined) return {};
  const { resourceVersion = "" } = secret.metadata;
  if (!isOurs(secret.metadata, labels.contract, "tenant")) return { contractTaken: true };
  return { contractVersion: resourceVersion, contract: secret.data };
}

function contractKey(contractNamespace: string, namespace: string, name: string) {
  return { kind: "Secret" as const, namespace: contractNamespace, name: tenantContractName(namespace, name) };
}

function storedRecords(sources: TenantSources, namespace: string, name: string): readonly StoredRecord[] {
  const { cluster, relations, contractNamespace } = sources;
  return relations.objectsOf("credential", tenantKey(namespace, name)).flatMap((objectName) => {
    const secret = cluster.get<"Secret">({ kind: "Secret", namespace: contractNamespace, name: objectName });
    const decoded = secret && decodeCredentialRecord(secret.data);
    if (decoded === undefined || "error" in decoded) return [];
    const { credential } = decoded.value;
    if (credential.namespace !== namespace || credential.tenant !== name) return [];
    const { uid = "", resourceVersion = "" } = secret?.metadata ?? {};
    return [Object.assign({ objectName, uid, resourceVersion }, decoded.value)];
  });
}

/** What stands at the names of the next records without being one, as far as it is in the way. */
function takenRecords(
  { cluster, contractNamespace }: TenantSources,
  spec: RelayTenantSpec,
  records: readonly StoredRecord[],
  tenant: { readonly namespace: string; readonly name: string },
): ReadonlySet<string> {
  const taken = new Set<string>();
  for (const { name: environment, credentials } of spec.environments) {
    for (const { name: credential } of credentials) {
      const identity = { namespace: tenant.namespace, tenant: tenant.name, environment, credential };
      const nameOf = (serial: number): string => credentialRecordName(identity, serial);
      let serial = 1 + Math.max(0, ...records.filter((each) => isOf(each, identity)).map((each) => each.serial));
      while (cluster.get({ kind: "Secret", namespace: contractNamespace, name: nameOf(serial) }))
        taken.add(nameOf(serial++));
    }
  }
  return taken;
}

function isOf({ credential }: StoredRecord, identity: CredentialIdentity): boolean {
  return credential.environment === identity.environment && credential.credential === identity.credential;
}

function secretsOf(
  { cluster, submission }: TenantSources,
  spec: RelayTenantSpec,
  records: readonly StoredRecord[],
  tenant: { readonly namespace: string; readonly name: string },
): ReadonlyMap<string, ObservedSecret> {
  const wanted = spec.environments.flatMap(({ credentials }) => credentials.map(({ secretName }) => secretName));
  const names = new Set([...wanted, ...records.map(({ secretName }) => secretName)]);
  const found = new Map<string, ObservedSecret>();
  for (const name of names) {
    const secret = cluster.get<"Secret">({ kind: "Secret", namespace: tenant.namespace, name });
    if (secret) found.set(name, inspectSecret(secret, tenant, submission));
  }
  return found;
}

/** Domains of the tenant without a hold of theirs, with the newest key of each algorithm: good for Capture. */
function unprovenDomains(sources: TenantSources, namespace: string, name: string): ObservedTenant["unproven"] {
  const { cluster, relations } = sources;
  const domains = relations.domainsOf(namespace, name).flatMap((key) => {
    const object = cluster.get<"SendingDomain">({ kind: "SendingDomain", namespace, name: key.name });
    if (object === undefined) return [];
    const { domain } = domainSpec(object);
    const claim = { namespace, name: key.name, domain };
    return holds(sources, claim) ? [] : [{ domain, keys: newestKeys(sources, claim) }];
  });
  // Two claims may be about one domain; their order must not depend on which was seen first.
  return domains.toSorted((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
}

function textOf({ domain, keys }: ObservedTenant["unproven"][number]): string {
  return [domain, ...keys.map(({ secretName }) => secretName)].join(" ");
}

function holds(sources: TenantSources, { namespace, name, domain }: ClaimIdentity): boolean {
  const held = holdOf(sources, domain)?.claim;
  return held?.namespace === namespace && held.name === name;
}

/** The shared domain as relays see it: any claim of it in the fleet file's namespace will do. */
function sharedStateOf(sources: TenantSources, { domain, namespace }: SharedDomain): SharedState {
  const held = holdOf(sources, domain);
  if (held?.claim.namespace !== namespace) return "NotProven";
  return held.keys.length === 0 ? "NoVisibleKey" : "Signs";
}

function holdOf({ cluster, contractNamespace }: TenantSources, domain: string): DomainContract | undefined {
  const key = { kind: "Secret", namespace: contractNamespace, name: domainContractName(domain) } as const;
  const secret = cluster.get<"Secret">(key);
  const decoded = secret && decodeDomainContract(secret.data);
  return decoded === undefined || "error" in decoded ? undefined : decoded.value;
}

function newestKeys({ cluster, contractNamespace }: TenantSources, claim: ClaimIdentity): readonly ContractKey[] {
  const key = { kind: "ConfigMap", namespace: contractNamespace, name: keyHistoryName(claim) } as const;
  const object = cluster.get<"ConfigMap">(key);
  const decoded = object && decodeKeyHistory(object.data);
  if (decoded === undefined || "error" in decoded) return [];
  const usable = decoded.value.keys.filter(
    ({ key: made, imported, lostAt, retiredAt, revokedAt }) =>
      made !== undefined &&
      imported === undefined &&
      lostAt === undefined &&
      retiredAt === undefined &&
      revokedAt === undefined,
  );
  return (["RSA2048", "Ed25519"] as const).flatMap((algorithm) => {
    const entry = usable.findLast((each) => each.algorithm === algorithm);
    if (entry === undefined) return [];
    const { selector } = entry;
    return [{ selector, algorithm, secretName: keySecretName(claim, selector) }];
  });
}
