import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { keyOf } from "../../cluster/object.ts";
import type { ObjectData } from "../../contract/codec.ts";
import { decodeTenantContract } from "../../contract/codec.ts";
import { labels, tenantContractName } from "../../contract/names.ts";
import type { RelayTenantSpec } from "../../crds/relay-tenant.ts";
import type { SendingDomainSpec } from "../../crds/sending-domain.ts";
import type { Answer } from "../../net/resolver.ts";
import type { ApplyContext } from "../../operator/apply.ts";
import { tenantSpec } from "../../operator/custom-objects.ts";
import type { Plan } from "../../operator/plan.ts";
import { createRelations, type OwnerKey, type Relations } from "../../operator/relations.ts";
import { observeGoneTenant, observeTenant } from "../../operator/relay-tenant/observe.ts";
import { planGoneTenant, planTenant } from "../../operator/relay-tenant/plan.ts";
import { foldAnswer, noEvidence, type DomainEvidence } from "../../operator/sending-domain/evidence.ts";
import { observeDomain, observeGoneDomain } from "../../operator/sending-domain/observe.ts";
import { planDomain, planGoneDomain } from "../../operator/sending-domain/plan.ts";
import { createMemoryCluster, type MemoryCluster } from "./memory-cluster.ts";

export const contractNamespace = "posthouse-system";
const submission = { host: "relay.example.net", port: 587, implicitTls: false };
const plans = {
  Starter: { maxCredits: "Unlimited" as const, namespaces: ["*"], features: { ownDomains: false } },
  Pro: { maxCredits: 100, namespaces: ["a"] },
  Scale: { maxCredits: "Unlimited" as const, namespaces: ["*"] },
};
const settings = {
  contractNamespace,
  plans,
  spfInclude: "_spf.relay.example.net",
  timing: { activationDelay: 1000, checkInterval: 60_000, missingInterval: 1000, missingIntervalMax: 5000 },
  longestMessageAge: 72 * 3_600_000,
};

/** How the DNS answers for what it shows: as it is, not at all, with another's value, or with two records. */
export type DnsLie = "None" | "Failed" | "Foreign" | "Twice";

/** What stands in the Secret `old-key` of a namespace: a key that is offered, or one that is not. */
export type OfferedKey = "RSA" | "OtherRSA" | "Ed25519" | "Nonsense" | "Unlabelled" | "None";

const pem = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" });
const rsa = (): string => pem(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);
/** What Secrets hold; the same objects in every world, so that each key is read once. */
const offeredData: Readonly<Record<Exclude<OfferedKey, "None">, ObjectData>> = {
  RSA: { privateKey: rsa() },
  OtherRSA: { privateKey: rsa() },
  Ed25519: { privateKey: pem(generateKeyPairSync("ed25519").privateKey) },
  Nonsense: { privateKey: "hush" },
  Unlabelled: { privateKey: rsa() },
};

/** What stands in the Secret `upstream` of a namespace: credentials for a smarthost that are offered, or not. */
export type OfferedLogin = "One" | "Other" | "Broken" | "Unlabelled" | "None";

/** What may happen in a world. */
export type LawEvent =
  | { readonly kind: "tenant"; readonly namespace: string; readonly spec: RelayTenantSpec | undefined }
  | {
      readonly kind: "domain";
      readonly namespace: string;
      readonly name: string;
      readonly spec: SendingDomainSpec | undefined;
    }
  | { readonly kind: "offer"; readonly namespace: string; readonly key: OfferedKey }
  | { readonly kind: "login"; readonly namespace: string; readonly login: OfferedLogin }
  | { readonly kind: "revoke"; readonly namespace: string; readonly which: number }
  | { readonly kind: "lose" | "alter"; readonly which: number }
  | { readonly kind: "dns"; readonly shown: readonly string[]; readonly lie: DnsLie }
  | { readonly kind: "wait"; readonly time: number };

/** Two namespaces with a tenant and two claims each, as far as they are there, and what the DNS shows. */
export interface LawWorld {
  readonly cluster: MemoryCluster;
  readonly relations: Relations;
  readonly evidence: Map<string, DomainEvidence>;
  /** First labels of the names at which the DNS shows what is asked to be published; everything else is nowhere. */
  shown: ReadonlySet<string>;
  lie: DnsLie;
  now: number;
  /** Counts keys, so that each is another. */
  keys: number;
}

/** Every custom resource that a world may have. */
export const owners: readonly OwnerKey[] = ["a", "b"].flatMap((namespace) => [
  { kind: "RelayTenant" as const, namespace, name: "shop" },
  { kind: "SendingDomain" as const, namespace, name: "one" },
  { kind: "SendingDomain" as const, namespace, name: "two" },
]);

/** A world without anything in it, an hour before the end of a quarter and a year. */
export function createLawWorld(): LawWorld {
  const cluster = createMemoryCluster();
  const relations = createRelations(cluster, contractNamespace);
  cluster.watch(["RelayTenant", "SendingDomain", "Secret", "ConfigMap"], (key) => void relations.changed(key));
  const now = Date.parse("2026-12-31T23:00:00Z");
  return { cluster, relations, evidence: new Map(), shown: new Set(), lie: "None", now, keys: 0 };
}

/** What plans are carried out with; keys are stand-ins. */
export function applyContext(world: LawWorld): ApplyContext {
  const makeKeyPair: ApplyContext["makeKeyPair"] = (algorithm) => {
    world.keys += 1;
    const fingerprint = createHash("sha256").update(`${algorithm}${world.keys}`).digest("hex");
    const privateKey = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    return Promise.resolve({ privateKey, publicKey: Buffer.from(fingerprint).toString("base64"), fingerprint });
  };
  const clock = { now: () => world.now, after: () => () => undefined, sleep: () => Promise.resolve() };
  return { cluster: world.cluster, clock, submission, makeKeyPair, unanswered: new Set() };
}

/** What the operator would do about a custom resource now, or about what it left. */
export function planOf(world: LawWorld, { kind, namespace, name }: OwnerKey): Plan<unknown> {
  const { cluster, relations, now } = world;
  if (kind === "RelayTenant") {
    const sharedDomain = { domain: "mail.example", namespace: "a" };
    const sources = { cluster, relations, contractNamespace, plans, submission, sharedDomain };
    const observed = observeTenant(sources, namespace, name, { kind: "Known" });
    return observed ? planTenant(observed, now) : planGoneTenant(observeGoneTenant(sources, namespace, name));
  }
  const sources = { cluster, relations, settings };
  const observed = observeDomain(sources, namespace, name, world.evidence.get(`${namespace}/${name}`) ?? noEvidence);
  return observed ? planDomain(observed, now) : planGoneDomain(observeGoneDomain(sources, namespace, name));
}

/** Asks the DNS for everything that statuses report. */
export function look(world: LawWorld): void {
  for (const object of world.cluster.list("SendingDomain")) {
    const { namespace, name } = object.metadata;
    const records = (object.status as { records?: { fqdn: string; value: string }[] } | undefined)?.records ?? [];
    const before = world.evidence.get(`${namespace}/${name}`) ?? noEvidence;
    const names = records.map(
      ({ fqdn, value }) => [fqdn, foldAnswer(before.names.get(fqdn), answerOf(world, fqdn, value), world.now)] as const,
    );
    world.evidence.set(`${namespace}/${name}`, { names: new Map(names), negativeTtl: 1 });
  }
}

function answerOf({ shown, lie }: LawWorld, fqdn: string, value: string): Answer<"TXT"> {
  if (!shown.has(fqdn.split(".")[0] ?? "")) return { kind: "NXDomain", negativeTtl: 1 };
  if (lie === "Failed") return { kind: "Failed", reason: "SERVFAIL" };
  const right = [value.slice(0, 255), value.slice(255)];
  const foreign = ["v=DKIM1; p=AAAA"];
  const values = { None: [right], Foreign: [foreign], Twice: [right, foreign] }[lie];
  return { kind: "Records", values, ttl: 1 };
}

/** Lets something happen. */
export function happen(world: LawWorld, event: LawEvent): void {
  const { cluster } = world;
  switch (event.kind) {
    case "tenant":
      return put(cluster, { kind: "RelayTenant", namespace: event.namespace, name: "shop" }, event.spec);
    case "domain":
      return put(cluster, { kind: "SendingDomain", namespace: event.namespace, name: event.name }, event.spec);
    case "offer":
      return offer(cluster, event.namespace, event.key);
    case "login":
      return offerLogin(cluster, event.namespace, event.login);
    case "revoke":
      return revoke(cluster, event.namespace, event.which);
    case "dns":
      world.shown = new Set(event.shown);
      world.lie = event.lie;
      return;
    case "wait":
      world.now += event.time;
      return;
    case "lose":
    case "alter":
      return meddle(cluster, event);
  }
}

/** Somebody puts a private key where a SendingDomain may look for it, or takes it away. */
function offer(cluster: MemoryCluster, namespace: string, key: OfferedKey): void {
  const name = "old-key";
  cluster.remove({ kind: "Secret", namespace, name });
  if (key === "None") return;
  const labelled = key !== "Unlabelled" && { labels: { [labels.use]: "dkim-import" } };
  const metadata = { namespace, name, ...labelled };
  cluster.put({ apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data: offeredData[key] });
}

/** Somebody writes credentials for a smarthost, or takes them away. */
function offerLogin(cluster: MemoryCluster, namespace: string, login: OfferedLogin): void {
  const name = "upstream";
  if (login === "None") return cluster.remove({ kind: "Secret", namespace, name });
  const labelled = login !== "Unlabelled" && { labels: { [labels.use]: "smarthost" } };
  const data = { username: "shop", ...(login !== "Broken" && { password: `hush-${login}` }) };
  cluster.put({ apiVersion: "v1", kind: "Secret", metadata: { namespace, name, ...labelled }, type: "Opaque", data });
}

/** Somebody revokes one of the keys that the relays accept. */
function revoke(cluster: MemoryCluster, namespace: string, which: number): void {
  const tenant = cluster.get<"RelayTenant">({ kind: "RelayTenant", namespace, name: "shop" });
  const ids = acceptedIds(cluster, namespace);
  const id = ids[which % Math.max(1, ids.length)];
  if (tenant === undefined || id === undefined) return;
  const spec = tenantSpec(tenant);
  cluster.put({ ...tenant, spec: { ...spec, revokedKeyIds: [...spec.revokedKeyIds, id] } });
}

/** The ids of the keys that the contract of a namespace's tenant holds. */
export function acceptedIds(cluster: MemoryCluster, namespace: string): readonly string[] {
  const key = { kind: "Secret" as const, namespace: contractNamespace, name: tenantContractName(namespace, "shop") };
  const decoded = decodeTenantContract(cluster.get<"Secret">(key)?.data ?? {});
  const environments = "value" in decoded ? decoded.value.environments : [];
  return environments.flatMap(({ credentials }) => credentials.map(({ id }) => id));
}

/** Somebody deletes or alters one of the objects that Posthouse made. */
function meddle(
  cluster: MemoryCluster,
  { kind, which }: { readonly kind: "lose" | "alter"; readonly which: number },
): void {
  const made = cluster.all().filter(({ metadata }) => metadata.labels?.[labels.managedBy] === "posthouse");
  const object = made[which % Math.max(1, made.length)];
  if (object === undefined) return;
  if (kind === "lose") cluster.remove(keyOf(object));
  else if ("data" in object)
    cluster.put({ ...object, data: { ...object.data, password: "x", contract: "x", history: "x" } });
}

function put(cluster: MemoryCluster, key: OwnerKey, spec: RelayTenantSpec | SendingDomainSpec | undefined): void {
  if (spec === undefined) return cluster.remove(key);
  const { namespace, name, kind } = key;
  const standing = cluster.get(key);
  // domain and tenantRef are immutable: another one is another object.
  if (standing) cluster.remove(key);
  cluster.put({ apiVersion: "posthouse.dev/v1alpha1", kind, metadata: { namespace, name }, spec });
}
