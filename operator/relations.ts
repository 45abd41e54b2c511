import { keyText, type ClusterObject, type ObjectKey, type ObjectMeta } from "../cluster/object.ts";
import type { Cluster } from "../cluster/port.ts";
import { annotations, domainContractName, handOverName, labels, tenantKey } from "../contract/names.ts";
import { domainSpec, tenantSpec } from "./custom-objects.ts";
import { referredSecrets } from "./relay-tenant/smarthosts.ts";

/** A custom resource to look at again. */
export type OwnerKey = ObjectKey<"RelayTenant" | "SendingDomain">;

/** Why a custom resource is looked at again. */
export interface Concerned extends OwnerKey {
  /** A tenant that hears of one of its domains: where there are many of these, it hears of all of them at once. */
  readonly mayWait?: true;
}

/** What an object of ours is, by its labels. */
export type OwnKind = "tenant" | "domain" | "dkim" | "smarthost" | "credential" | "key-history" | "application";

/**
 * Who has to do with whom, so that a change of one object is known to concern another without a walk over all of them.
 * It follows the cluster by the keys of a watch. What it says is a hint where to look, never a fact to act on.
 */
export interface Relations {
  /** Takes in that an object appeared, changed or went; the custom resources whose plans may change by it. */
  readonly changed: (key: ObjectKey) => readonly Concerned[];
  /** SendingDomains that name a tenant. */
  readonly domainsOf: (namespace: string, tenant: string) => readonly OwnerKey[];
  /** Names of our objects of a kind in the contract namespace, made for `namespace/name`; sorted. */
  readonly objectsOf: (what: OwnKind, owner: string) => readonly string[];
}

/** The contract that tenants of some plans depend on: that of the fleet's shared domain. */
export interface SharedContract {
  /** Name of the Secret. */
  readonly name: string;
  /** Whether tenants of a plan send below the shared domain. */
  readonly isUsedBy: (plan: string) => boolean;
}

/** Starts with nothing known; the first round of a watch tells everything. */
export function createRelations(cluster: Cluster, contractNamespace: string, shared?: SharedContract): Relations {
  const links = new Map<string, readonly string[]>();
  const members = createMembers();

  const relink = (key: ObjectKey): readonly string[] => {
    const text = keyText(key);
    const before = links.get(text) ?? [];
    const after = linksOf(cluster.get(key), contractNamespace, shared);
    if (isSame(before, after)) return before;
    for (const link of before) members.leave(link, key);
    for (const link of after) members.join(link, key);
    if (after.length > 0) links.set(text, after);
    else links.delete(text);
    return [...new Set([...before, ...after])];
  };
  const owners = (link: string): readonly OwnerKey[] => members.of(link).filter(isOwner);
  const withTenants = (domains: readonly OwnerKey[]): readonly Concerned[] => {
    const tenants = domains.flatMap((domain) => tenantsIn(links.get(keyText(domain)) ?? []));
    return [...domains, ...tenants.map((tenant) => Object.assign({ mayWait: true } as const, tenant))];
  };

  const concerned = (key: ObjectKey, touched: readonly string[]): readonly Concerned[] => {
    if (key.kind === "RelayTenant") return owners(`member:${tenantKey(key.namespace, key.name)}`);
    if (key.kind === "SendingDomain") return tenantsIn(touched);
    const made = touched.flatMap(ownersIn);
    return [
      ...owners(`names:${key.namespace}/${key.name}`),
      ...made.filter(({ kind }) => kind === "RelayTenant"),
      ...withTenants(made.filter(({ kind }) => kind === "SendingDomain")),
      ...withTenants(owners(`claims:${key.name}`)),
    ];
  };

  return {
    changed(key) {
      const touched = relink(key);
      const all = [...(isOwner(key) ? [key] : []), ...concerned(key, touched)];
      return [...new Map(all.map((each) => [keyText(each), each])).values()];
    },
    domainsOf: (namespace, tenant) => owners(`member:${tenantKey(namespace, tenant)}`),
    objectsOf: (what, owner) =>
      members
        .of(`made:${what}:${owner}`)
        .map(({ name }) => name)
        .toSorted(),
  };
}

/** Objects by link. Most links have a single one, and there are six links for each domain: so no map for each. */
interface Members {
  readonly of: (link: string) => readonly ObjectKey[];
  /** The object is not there yet. */
  readonly join: (link: string, key: ObjectKey) => void;
  readonly leave: (link: string, key: ObjectKey) => void;
}

/** So many objects of a link, and they are found by name: one tenant may have every domain. */
const few = 16;

function createMembers(): Members {
  const members = new Map<string, readonly ObjectKey[] | Map<string, ObjectKey>>();
  const of = (link: string): readonly ObjectKey[] => {
    const found = members.get(link) ?? [];
    return found instanceof Map ? [...found.values()] : found;
  };
  return {
    of,
    join(link, key) {
      const found = members.get(link) ?? [];
      if (found instanceof Map) found.set(keyText(key), key);
      // Not by spreading: that leaves room for more, of which there is mostly none.
      else if (found.length < few) members.set(link, found.concat(key));
      else members.set(link, new Map([...found, key].map((each) => [keyText(each), each])));
    },
    leave(link, key) {
      const found = members.get(link) ?? [];
      const text = keyText(key);
      if (found instanceof Map) found.delete(text);
      else if (found.length > 1)
        members.set(
          link,
          found.filter((each) => keyText(each) !== text),
        );
      else members.delete(link);
      if (found instanceof Map && found.size === 0) members.delete(link);
    },
  };
}

function isSame(before: readonly string[], after: readonly string[]): boolean {
  return before.length === after.length && before.every((link, place) => link === after[place]);
}

function isOwner(key: ObjectKey): key is OwnerKey {
  return key.kind === "RelayTenant" || key.kind === "SendingDomain";
}

/**
 * The links of an object: `names:` a Secret that a tenant wants or refers to, the contract of the shared domain that it
 * needs, or the ConfigMap and the key to import that a SendingDomain wants; `member:` the tenant and `claims:` the contract
 * that a SendingDomain is about; `made:` what an object of ours is and for whom.
 */
function linksOf(
  object: ClusterObject | undefined,
  contractNamespace: string,
  shared: SharedContract | undefined,
): readonly string[] {
  if (object === undefined) return [];
  const { namespace } = object.metadata;
  if (object.kind === "RelayTenant") {
    const spec = tenantSpec(object);
    const { environments, allowance } = spec;
    const issued = environments.flatMap(({ credentials }) => credentials.map(({ secretName }) => secretName));
    const own = [...issued, ...referredSecrets(spec)].map((secret) => `names:${namespace}/${secret}`);
    return shared?.isUsedBy(allowance.plan) ? [...own, `names:${contractNamespace}/${shared.name}`] : own;
  }
  if (object.kind === "SendingDomain") {
    const { tenantRef, domain, dkim } = domainSpec(object);
    return [
      `member:${tenantKey(namespace, tenantRef.name)}`,
      `claims:${domainContractName(domain)}`,
      `names:${namespace}/${handOverName(object.metadata.name)}`,
      ...(dkim.import ? [`names:${namespace}/${dkim.import.secretRef.name}`] : []),
    ];
  }
  return madeFor(object.metadata, contractNamespace);
}

/** The `made:` link of an object of ours. Who writes in a namespace may call an object ours, but not another namespace's. */
function madeFor(
  { namespace, labels: labelled = {}, annotations: annotated = {} }: ObjectMeta,
  contractNamespace: string,
): readonly string[] {
  const owner = annotated[annotations.owner];
  if (labelled[labels.managedBy] !== "posthouse" || owner === undefined) return [];
  if (namespace !== contractNamespace && !owner.startsWith(`${namespace}/`)) return [];
  if (labelled[labels.record] === "hand-over") return [`made:hand-over:${owner}`];
  if (namespace !== contractNamespace) return [`made:application:${owner}`];
  const what = labelled[labels.contract] ?? labelled[labels.key] ?? labelled[labels.record];
  return what === undefined ? [] : [`made:${what}:${owner}`];
}

/** The tenants that `member:` links name. */
function tenantsIn(links: readonly string[]): readonly OwnerKey[] {
  return links.filter((link) => link.startsWith("member:")).map((link) => ownerKey("RelayTenant", link.slice(7)));
}

/** What is made for RelayTenants; the rest is for SendingDomains. */
const ofTenants: ReadonlySet<string> = new Set(["tenant", "credential", "application", "smarthost"]);

/** The custom resource that a `made:` link names. */
function ownersIn(link: string): readonly OwnerKey[] {
  const [, what, owner] = /^made:([^:]+):(.+)$/.exec(link) ?? [];
  if (owner === undefined) return [];
  return [ownerKey(ofTenants.has(what ?? "") ? "RelayTenant" : "SendingDomain", owner)];
}

function ownerKey(kind: OwnerKey["kind"], owner: string): OwnerKey {
  const at = owner.indexOf("/");
  return { kind, namespace: owner.slice(0, at), name: owner.slice(at + 1) };
}
