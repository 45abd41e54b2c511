import type { CustomObject, SecretObject } from "../../cluster/object.ts";
import type { Cluster } from "../../cluster/port.ts";
import { decodeDomainContract } from "../../contract/codec.ts";
import type { DomainContract } from "../../contract/domain-contract.ts";
import { decodePublicKey, type PublicKey } from "../../contract/key-secret.ts";
import {
  claimHash,
  domainContractName,
  keyHistoryName,
  keySecretName,
  labels,
  tenantKey,
  type ClaimIdentity,
} from "../../contract/names.ts";
import type { SendingDomainSpec } from "../../crds/sending-domain.ts";
import { remember } from "../../runtime/remember.ts";
import { domainSpec, domainStatusOf, tenantSpec } from "../custom-objects.ts";
import { readImportKey } from "../import-key.ts";
import { isOurs } from "../own-objects.ts";
import type { Relations } from "../relations.ts";
import { allowsOwnDomains } from "../relay-tenant/shared-domain.ts";
import { secretOffer } from "../secret-offer.ts";
import { noEvidence, type DomainEvidence } from "./evidence.ts";
import type { OrphanedClaim } from "./orphaned-claim.ts";
import { rotationToken } from "./next-keys.ts";
import { isGranted, observeEndpoint } from "./dns-endpoint.ts";
import { observeHandOver } from "./hand-over.ts";
import { decodeKeyHistory, type KeyHistory } from "./key-history.ts";
import type { DomainSettings, ObservedDomain, ObservedGoneDomain, Stored, StoredKey } from "./observed.ts";

/** What an observation of domains reads from. */
export interface DomainSources {
  readonly cluster: Cluster;
  readonly relations: Relations;
  readonly settings: DomainSettings;
}

/** All that matters for a SendingDomain, from caches alone; undefined when it is gone. */
export function observeDomain(
  sources: DomainSources,
  namespace: string,
  name: string,
  evidence: DomainEvidence,
): ObservedDomain | undefined {
  const { cluster, settings } = sources;
  const object = cluster.get<"SendingDomain">({ kind: "SendingDomain", namespace, name });
  if (object === undefined) return undefined;
  const spec = domainSpec(object);
  const status = domainStatusOf(object);
  const rotate = rotationToken(object.metadata.annotations);
  const claim = claimOf(object);
  const history = storedHistory(sources, claim);
  const hold = storedHold(cluster, settings.contractNamespace, domainContractName(spec.domain));
  return {
    claim,
    generation: object.metadata.generation ?? 0,
    spec,
    ...(status && { status }),
    ...(rotate !== undefined && { rotate }),
    ...tenantOf(sources, namespace, spec.tenantRef.name),
    ...seenKeys(sources, claim, history?.value),
    ...offeredKey(cluster, namespace, spec),
    formerKeys: abandonedKeys(sources, { namespace, name }, spec.domain),
    ...(history && { history }),
    ...(hold && { hold }),
    formerHolds: holdsOf(sources, namespace, name).filter(({ value }) => value?.domain !== spec.domain),
    handOver: observeHandOver(cluster, claim),
    publishing: {
      isGranted: isGranted(settings.dnsAutomation ?? [], namespace, claim.domain),
      isServed: settings.hasEndpoints?.(namespace) === true,
      standing: observeEndpoint(cluster, claim),
    },
    evidence,
    settings,
  };
}

/** The identity of a claim, one object for each object of the cluster, so that what hangs on it is worked out once. */
const claimOf: (object: CustomObject<"SendingDomain">) => ClaimIdentity = remember((object) => {
  const { namespace, name } = object.metadata;
  return { namespace, name, domain: domainSpec(object).domain };
});

const publicKeyIn = remember(decodePublicKey);

/** What the tenant of a claim lets it do. */
function tenantOf(
  { cluster, settings: { plans = {} } }: DomainSources,
  namespace: string,
  name: string,
): Pick<ObservedDomain, "tenantExists" | "planWithoutOwnDomains"> {
  const tenant = cluster.get<"RelayTenant">({ kind: "RelayTenant", namespace, name });
  if (tenant === undefined) return { tenantExists: false };
  const { plan } = tenantSpec(tenant).allowance;
  const allowed = allowsOwnDomains(Object.hasOwn(plans, plan) ? plans[plan] : undefined);
  return { tenantExists: true, ...(!allowed && { planWithoutOwnDomains: plan }) };
}

/** What a claim that is gone has left behind. */
export function observeGoneDomain(
  sources: DomainSources,
  namespace: string,
  name: string,
  evidence: DomainEvidence = noEvidence,
): ObservedGoneDomain {
  const { contractNamespace } = sources.settings;
  const handOver = observeHandOver(sources.cluster, { namespace, name });
  const holds = holdsOf(sources, namespace, name);
  const claims = holds.flatMap((hold) => orphanedClaim(sources, { namespace, name }, hold, evidence));
  const keys = abandonedKeys(sources, { namespace, name });
  const endpoint = observeEndpoint(sources.cluster, { namespace, name });
  return { contractNamespace, namespace, name, holds, claims, keys, handOver, endpoint };
}

/** What the Secret of an import offers. The private half is looked at here and nowhere kept. */
function offeredKey(cluster: Cluster, namespace: string, { dkim }: SendingDomainSpec): Pick<ObservedDomain, "offered"> {
  if (dkim.import === undefined) return {};
  const secret = cluster.get<"Secret">({ kind: "Secret", namespace, name: dkim.import.secretRef.name });
  return { offered: secretOffer(secret, "dkim-import", readImportKey) };
}

/** Keys of claims that are gone and were to take them along: the history says so, which outlives the SendingDomain. */
function abandonedKeys(
  sources: DomainSources,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  standingDomain?: string,
): readonly StoredKey[] {
  const { cluster, relations, settings } = sources;
  return relations.objectsOf("key-history", tenantKey(namespace, name)).flatMap((object) => {
    const key = { kind: "ConfigMap", namespace: settings.contractNamespace, name: object } as const;
    const decoded = decodeKeyHistory(cluster.get<"ConfigMap">(key)?.data ?? {});
    if ("error" in decoded || decoded.value.deletionPolicy !== "Delete") return [];
    const claim = { namespace, name, domain: decoded.value.claim.domain };
    if (claim.domain === standingDomain || keyHistoryName(claim) !== object) return [];
    const history = storedHistory(sources, claim)?.value;
    // Only what the history remembers may go: its selector is never allotted again.
    const known = new Set(history?.keys.map(({ selector }) => selector));
    return seenKeys(sources, claim, history).keys.filter(({ selector }) => known.has(selector));
  });
}

/** A hold of a SendingDomain that is gone with its keys; none if it says itself to be another's. */
function orphanedClaim(
  sources: DomainSources,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { value, ...object }: Stored<DomainContract>,
  evidence: DomainEvidence,
): readonly OrphanedClaim[] {
  if (value?.claim.namespace !== namespace || value.claim.name !== name) return [];
  const claim = { namespace, name, domain: value.domain };
  const history = storedHistory(sources, claim);
  const keys = seenKeys(sources, claim, history?.value);
  const { settings } = sources;
  return [{ claim, hold: { value, ...object }, ...keys, ...(history && { history }), evidence, settings }];
}

/** Every contract that says to be of a SendingDomain of this name. */
function holdsOf(
  { cluster, relations, settings }: DomainSources,
  namespace: string,
  name: string,
): readonly Stored<DomainContract>[] {
  return relations
    .objectsOf("domain", tenantKey(namespace, name))
    .flatMap((object) => storedHold(cluster, settings.contractNamespace, object) ?? []);
}

function storedHistory({ cluster, settings }: DomainSources, claim: ClaimIdentity): Stored<KeyHistory> | undefined {
  const key = { kind: "ConfigMap", namespace: settings.contractNamespace, name: keyHistoryName(claim) } as const;
  const object = cluster.get<"ConfigMap">(key);
  if (object === undefined) return undefined;
  const decoded = decodeKeyHistory(object.data);
  const same =
    isOurs(object.metadata, labels.record, "key-history") &&
    "value" in decoded &&
    claimHash(decoded.value.claim) === claimHash(claim);
  const { resourceVersion = "", uid = "" } = object.metadata;
  return { ...(same && { value: decoded.value }), resourceVersion, uid };
}

function storedHold(cluster: Cluster, namespace: string, name: string): Stored<DomainContract> | undefined {
  const object = cluster.get<"Secret">({ kind: "Secret", namespace, name });
  if (object === undefined) return undefined;
  const decoded = decodeDomainContract(object.data);
  const same =
    isOurs(object.metadata, labels.contract, "domain") &&
    "value" in decoded &&
    domainContractName(decoded.value.domain) === name;
  const { resourceVersion = "", uid = "" } = object.metadata;
  return { ...(same && { value: decoded.value }), resourceVersion, uid };
}

/** The claim's keys: at the selectors of its history, and what the labels tell beside, in case the history was lost. */
function seenKeys(
  { cluster, relations, settings }: DomainSources,
  claim: ClaimIdentity,
  history: KeyHistory | undefined,
): { readonly keys: readonly StoredKey[]; readonly blocked: readonly string[] } {
  const prefix = keySecretName(claim, "");
  const labelled = relations
    .objectsOf("dkim", tenantKey(claim.namespace, claim.name))
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length));
  const known = history?.keys.map(({ selector }) => selector) ?? [];
  const keys: StoredKey[] = [];
  const blocked: string[] = [];
  for (const selector of new Set([...known, ...labelled])) {
    const name = keySecretName(claim, selector);
    const secret = cluster.get<"Secret">({ kind: "Secret", namespace: settings.contractNamespace, name });
    const ours = secret !== undefined && isOurs(secret.metadata, labels.key, "dkim");
    const key = ours && keyOfClaim(secret, claim, selector);
    const { uid = "", resourceVersion = "" } = secret?.metadata ?? {};
    if (key) keys.push({ ...key, uid, resourceVersion });
    else if (secret) blocked.push(selector);
  }
  return { keys, blocked };
}

function keyOfClaim(secret: SecretObject, claim: ClaimIdentity, selector: string): PublicKey | undefined {
  const decoded = publicKeyIn(secret.data);
  if ("error" in decoded) return undefined;
  const key = decoded.value;
  return claimHash(key.claim) === claimHash(claim) && key.selector === selector ? key : undefined;
}
