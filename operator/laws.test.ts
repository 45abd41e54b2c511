import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { keyOf, type ClusterObject, type SecretObject } from "../cluster/object.ts";
import { decodeDomainContract, decodeTenantContract } from "../contract/codec.ts";
import { domainContractName, keyHistoryName, keySecretName, labels } from "../contract/names.ts";
import type { RelayTenantSpec } from "../crds/relay-tenant.ts";
import type { SendingDomainSpec } from "../crds/sending-domain.ts";
import type { Answer } from "../net/resolver.ts";
import { createMemoryCluster, type MemoryCluster } from "../test/harness/memory-cluster.ts";
import type { Action } from "./action.ts";
import { applyAction, type ApplyContext } from "./apply.ts";
import type { Plan } from "./plan.ts";
import { createRelations, type OwnerKey, type Relations } from "./relations.ts";
import { observeGoneTenant, observeTenant } from "./relay-tenant/observe.ts";
import { planGoneTenant, planTenant } from "./relay-tenant/plan.ts";
import { foldAnswer, noEvidence, type DomainEvidence } from "./sending-domain/evidence.ts";
import { observeDomain, observeGoneDomain } from "./sending-domain/observe.ts";
import { planDomain, planGoneDomain } from "./sending-domain/plan.ts";

const contractNamespace = "posthouse-system";
const submission = { host: "relay.example.net", port: 587, implicitTls: false };
const plans = {
  Starter: { maxCredits: "Unlimited" as const, namespaces: ["*"], features: { ownDomains: false } },
  Pro: { maxCredits: 100, namespaces: ["a"] },
  Scale: { maxCredits: "Unlimited" as const, namespaces: ["*"] },
};
const timing = { activationDelay: 1000, checkInterval: 60_000, missingInterval: 1000, missingIntervalMax: 5000 };
const start = Date.parse("2026-12-31T23:00:00Z");

interface World {
  readonly cluster: MemoryCluster;
  readonly relations: Relations;
  readonly evidence: Map<string, DomainEvidence>;
  /** Names at which DNS shows what was asked to be published, by key; everything else is nowhere. */
  published: ReadonlySet<string>;
  now: number;
  random: number;
}

const owners: readonly OwnerKey[] = ["a", "b"].flatMap((namespace) => [
  { kind: "RelayTenant" as const, namespace, name: "shop" },
  { kind: "SendingDomain" as const, namespace, name: "one" },
  { kind: "SendingDomain" as const, namespace, name: "two" },
]);

function context(world: World): ApplyContext {
  const makeKeyPair: ApplyContext["makeKeyPair"] = (algorithm) => {
    world.random += 1;
    const fingerprint = createHash("sha256").update(`${algorithm}${world.random}`).digest("hex");
    const privateKey = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    return Promise.resolve({ privateKey, publicKey: Buffer.from(fingerprint).toString("base64"), fingerprint });
  };
  const clock = { now: () => world.now, after: () => () => undefined, sleep: () => Promise.resolve() };
  return { cluster: world.cluster, clock, submission, makeKeyPair };
}

function planOf(world: World, key: OwnerKey): Plan<unknown> {
  const { cluster, relations, now } = world;
  const { namespace, name } = key;
  if (key.kind === "RelayTenant") {
    const sharedDomain = { domain: "mail.example", namespace: "a" };
    const sources = { cluster, relations, contractNamespace, plans, submission, sharedDomain };
    const observed = observeTenant(sources, namespace, name, { kind: "Known" });
    return observed ? planTenant(observed, now) : planGoneTenant(observeGoneTenant(sources, namespace, name));
  }
  const sources = {
    cluster,
    relations,
    settings: {
      contractNamespace,
      plans,
      spfInclude: "_spf.relay.example.net",
      timing,
      longestMessageAge: 72 * 3_600_000,
    },
  };
  const observed = observeDomain(sources, namespace, name, world.evidence.get(`${namespace}/${name}`) ?? noEvidence);
  return observed ? planDomain(observed, now) : planGoneDomain(observeGoneDomain(sources, namespace, name));
}

/** Objects that Posthouse did not make must not be written or deleted. */
function checkOwn(world: World, actions: readonly Action[]): void {
  for (const action of actions) {
    const target = targetOf(action);
    const standing = target && world.cluster.get(target);
    const ours = standing?.metadata.labels?.[labels.managedBy] === "posthouse";
    expect([action.kind, standing && !ours && action.kind !== "create" && action.kind !== "createKey"]).not.toContain(
      true,
    );
  }
}

function targetOf(action: Action) {
  if (action.kind === "delete") return action.key;
  if (action.kind === "create" || action.kind === "apply") return keyOf(action.object);
  if (action.kind === "createKey") return undefined;
  const { target } = action;
  return { kind: "Secret" as const, namespace: target.credential.namespace, name: target.secretName };
}

async function settle(world: World): Promise<void> {
  for (let pass = 0; pass < 12; pass++) {
    let actions = 0;
    for (const key of owners) actions += await work(world, key);
    if (actions === 0) return checkStatuses(world);
  }
  throw new Error(`does not settle: ${JSON.stringify(owners.map((key) => planOf(world, key).actions))}`);
}

/** One pass for one object; how many actions were planned. */
async function work(world: World, key: OwnerKey): Promise<number> {
  const plan = planOf(world, key);
  expect(planOf(world, key)).toEqual(plan);
  checkOwn(world, plan.actions);
  for (const action of plan.actions) if ((await applyAction(action, context(world))) === "Again") break;
  if (plan.actions.length === 0) await writeStatus(world, key, plan.status);
  return plan.actions.length;
}

/** What was written is what would be written again. */
function checkStatuses(world: World): void {
  for (const key of owners) {
    const object = world.cluster.get(key);
    if (object && "status" in object) expect(planOf(world, key).status).toEqual(object.status);
  }
}

async function writeStatus(world: World, key: OwnerKey, status: unknown): Promise<void> {
  const object = world.cluster.get(key);
  if (object && status !== undefined) await world.cluster.applyStatus({ ...object, status });
}

/** Asks the zone for everything that statuses report. */
function look(world: World): void {
  for (const object of world.cluster.list("SendingDomain")) {
    const { namespace, name } = object.metadata;
    const records = (object.status as { records?: { fqdn: string; value: string }[] } | undefined)?.records ?? [];
    const before = world.evidence.get(`${namespace}/${name}`) ?? noEvidence;
    const names = records.map(({ fqdn, value }) => {
      const answer: Answer<"TXT"> = world.published.has(fqdn.split(".")[0] ?? "")
        ? { kind: "Records", values: [[value.slice(0, 255), value.slice(255)]], ttl: 1 }
        : { kind: "NXDomain", negativeTtl: 1 };
      return [fqdn, foldAnswer(before.names.get(fqdn), answer, world.now)] as const;
    });
    world.evidence.set(`${namespace}/${name}`, { names: new Map(names), negativeTtl: 1 });
  }
}

const label = fc.constantFrom("x", "y", "constructor");
const tenant: fc.Arbitrary<RelayTenantSpec> = fc.record({
  allowance: fc.record({
    plan: fc.constantFrom("Starter", "Pro", "Scale", "None", "constructor"),
    credits: fc.oneof(
      fc.constant({ type: "Unlimited" as const }),
      fc.record({
        type: fc.constant("Recurring" as const),
        amount: fc.nat(200),
        reset: fc.constantFrom("Daily", "Weekly", "Monthly"),
      }),
      fc.record({ type: fc.constant("OneTime" as const), amount: fc.nat(200) }),
    ),
    topUps: fc.uniqueArray(
      fc.record(
        {
          name: label,
          amount: fc.integer({ min: 1, max: 50 }),
          expiresAt: fc.constantFrom("2027-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "never"),
        },
        { requiredKeys: ["name", "amount"] },
      ),
      { selector: ({ name }) => name, maxLength: 3 },
    ),
    standing: fc.constantFrom("Normal", "Suspended"),
  }),
  sending: fc.constantFrom("Enabled", "Disabled"),
  environments: fc.uniqueArray(
    fc.record(
      {
        name: label,
        mode: fc.constantFrom("Disabled", "Deliver", "Capture"),
        domains: fc.constant(["one.example", "two.example"]),
        credentials: fc.uniqueArray(
          fc.record(
            {
              name: label,
              secretName: fc.constantFrom("s1", "s2", "s3", "s4"),
              allowedSources: fc.constant(["10.0.0.0/8"]),
              rotation: fc.record(
                {
                  schedule: fc.constantFrom("Manual", "Interval"),
                  every: fc.constantFrom("1h", "24h"),
                  overlap: fc.constantFrom("0s", "1h"),
                  oldKeys: fc.constantFrom("KeepWhileUsed", "Revoke"),
                },
                { requiredKeys: ["schedule", "overlap", "oldKeys"] },
              ),
            },
            { requiredKeys: ["name", "secretName", "rotation"] },
          ),
          { selector: ({ name }) => name, maxLength: 2 },
        ),
      },
      { requiredKeys: ["name", "mode", "credentials"] },
    ),
    { selector: ({ name }) => name, maxLength: 3 },
  ),
  revokedKeyIds: fc.constantFrom([], ["aaaaaaaaaaaa"]),
  delivery: fc.constantFrom<RelayTenantSpec["delivery"]>(
    { route: "Direct", tlsPolicy: "Required" },
    {
      route: "Smarthost",
      tlsPolicy: "Opportunistic",
      smarthosts: [{ name: "up", priority: 10, host: "smtp.example.org", port: 587, security: "StartTLS" }],
    },
  ),
});
const domain: fc.Arbitrary<SendingDomainSpec> = fc.record({
  domain: fc.constantFrom("one.example", "two.example", `${"l".repeat(60)}.${`${"m".repeat(62)}.`.repeat(3)}ab`),
  tenantRef: fc.record({ name: fc.constantFrom("shop", "absent") }),
  dkim: fc.record({
    algorithms: fc.constantFrom<SendingDomainSpec["dkim"]["algorithms"]>(
      ["RSA2048"],
      ["RSA2048", "Ed25519"],
      ["Ed25519", "RSA2048"],
    ),
    selectorPrefix: fc.constantFrom("s", "t"),
    rotation: fc.constantFrom<SendingDomainSpec["dkim"]["rotation"]>(
      { schedule: "Manual", overlap: "240h", retention: "720h" },
      { schedule: "Quarterly", overlap: "1h", retention: "48h" },
      { schedule: "Interval", every: "168h", overlap: "240h", retention: "720h" },
    ),
    revokedSelectors: fc.subarray(["s2026q4", "s2026q4-ed", "nobody"]),
  }),
  spf: fc.record({ qualifier: fc.constantFrom("Fail", "SoftFail", "Neutral") }),
  dmarc: fc.record(
    {
      policy: fc.constantFrom("None", "Quarantine", "Reject"),
      testing: fc.constantFrom("Enabled", "Disabled"),
      rua: fc.constant(["mailto:dmarc@example.com"]),
    },
    { requiredKeys: ["policy", "testing"] },
  ),
});

const claim = { namespace: "a", name: "one", domain: "one.example" };
const foreign = (namespace: string, name: string, data: Record<string, string>): SecretObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { namespace, name },
  type: "Opaque",
  data,
});
/** What others may have put where Posthouse wants to write. */
const obstacles: readonly ClusterObject[] = [
  foreign("a", "s1", { password: "mine" }),
  foreign("b", "s2", {}),
  foreign(contractNamespace, domainContractName("two.example"), { contract: "{}" }),
  foreign(contractNamespace, keySecretName(claim, "s2026q4"), { domain: "other" }),
  {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: contractNamespace, name: keyHistoryName(claim) },
    data: { history: "no" },
  },
];

/** What may happen between two looks. */
type Event =
  | { readonly kind: "tenant"; readonly namespace: string; readonly spec: RelayTenantSpec | undefined }
  | {
      readonly kind: "domain";
      readonly namespace: string;
      readonly name: string;
      readonly spec: SendingDomainSpec | undefined;
    }
  | { readonly kind: "lose" | "alter"; readonly which: number }
  | { readonly kind: "dns"; readonly names: readonly string[] }
  | { readonly kind: "wait"; readonly time: number };

const namespace = fc.constantFrom("a", "b");
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constant("tenant" as const), namespace, spec: fc.option(tenant, { nil: undefined }) }),
  fc.record({
    kind: fc.constant("domain" as const),
    namespace,
    name: fc.constantFrom("one", "two"),
    spec: fc.option(domain, { nil: undefined }),
  }),
  fc.record({ kind: fc.constantFrom("lose" as const, "alter" as const), which: fc.nat(30) }),
  fc.record({
    kind: fc.constant("dns" as const),
    names: fc.subarray(["s2026q4", "s2026q4-ed", "s2026q4-2", "t2026q4", "t2026q4-ed", "s2027q1", "one", "_dmarc"]),
  }),
  fc.record({ kind: fc.constant("wait" as const), time: fc.constantFrom(-5000, 1, 2000, 3_600_000, 86_400_000) }),
);

function happen(world: World, what: Event): void {
  const { cluster } = world;
  switch (what.kind) {
    case "tenant":
      return put(cluster, { kind: "RelayTenant", namespace: what.namespace, name: "shop" }, what.spec);
    case "domain":
      return put(cluster, { kind: "SendingDomain", namespace: what.namespace, name: what.name }, what.spec);
    case "dns":
      world.published = new Set(what.names);
      return;
    case "wait":
      world.now += what.time;
      return;
    case "lose":
    case "alter":
      return meddle(cluster, what);
  }
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
  else if ("data" in object) cluster.put({ ...object, data: { ...object.data, password: "x", contract: "x" } });
}

function put(cluster: MemoryCluster, key: OwnerKey, spec: RelayTenantSpec | SendingDomainSpec | undefined): void {
  if (spec === undefined) return cluster.remove(key);
  const { namespace: at, name, kind } = key;
  const standing = cluster.get(key);
  // domain and tenantRef are immutable: another one is another object.
  if (standing) cluster.remove(key);
  cluster.put({ apiVersion: "posthouse.dev/v1alpha1", kind, metadata: { namespace: at, name }, spec });
}

/** Every contract can be read, and no credential stands in two environments. */
function checkContracts({ cluster }: World): void {
  const contracts = cluster.list("Secret").filter(({ metadata }) => metadata.labels?.[labels.contract] !== undefined);
  const bad = contracts.filter(({ metadata, data }) => {
    if (metadata.labels?.[labels.contract] === "domain") return "error" in decodeDomainContract(data);
    const decoded = decodeTenantContract(data);
    if ("error" in decoded) return true;
    const ids = decoded.value.environments.flatMap(({ credentials }) => credentials.map(({ id }) => id));
    return new Set(ids).size < ids.length;
  });
  // What was altered by hand is the one that nobody may mend: the hold.
  expect(bad.filter(({ data }) => data["contract"] !== "x")).toEqual([]);
}

test("plans are deterministic and total, settle, and leave what is not ours alone", async () => {
  const worlds = fc.record({
    there: fc.subarray([...obstacles]),
    events: fc.array(event, { minLength: 1, maxLength: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(worlds, async ({ there, events }) => {
      const cluster = createMemoryCluster();
      const relations = createRelations(cluster, contractNamespace);
      cluster.watch(["RelayTenant", "SendingDomain", "Secret", "ConfigMap"], (key) => void relations.changed(key));
      const world: World = { cluster, relations, evidence: new Map(), published: new Set(), now: start, random: 0 };
      for (const object of there) cluster.put(object);
      const before = there.map((object) => cluster.get(keyOf(object)));
      for (const each of events) {
        happen(world, each);
        await settle(world);
        look(world);
        world.now += 1500;
        look(world);
        await settle(world);
        checkContracts(world);
      }
      expect(there.map((object) => cluster.get(keyOf(object)))).toEqual(before);
    }),
    { numRuns: 250 },
  );
}, 60_000);
