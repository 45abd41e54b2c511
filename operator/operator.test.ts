import { createLogger } from "../runtime/log.ts";
import { systemClock } from "../runtime/clock.ts";
import { Writable } from "node:stream";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CustomObject, ObjectKey, SecretObject } from "../cluster/object.ts";
import { hashSecret, parseApiKey } from "../contract/api-key.ts";
import { decodeDomainContract, decodeTenantContract } from "../contract/codec.ts";
import type { TenantUsage } from "../contract/usage.ts";
import { domainContractName, labels, tenantContractName } from "../contract/names.ts";
import type { RelayTenantSpec, RelayTenantStatus } from "../crds/relay-tenant.ts";
import type { SendingDomainSpec, SendingDomainStatus } from "../crds/sending-domain.ts";
import type { Answer, RecordType, Resolver } from "../net/resolver.ts";
import { createMemoryCluster, type MemoryCluster } from "../test/harness/memory-cluster.ts";
import { startOperator, type Operator } from "./operator.ts";

const rotation = { schedule: "Manual", overlap: "24h", oldKeys: "KeepWhileUsed" } as const;
const tenantSpec: RelayTenantSpec = {
  allowance: {
    plan: "Pro",
    credits: { type: "Recurring", amount: 100, reset: "Monthly" },
    topUps: [],
    standing: "Normal",
  },
  sending: "Enabled",
  environments: [
    { name: "production", mode: "Deliver", credentials: [{ name: "web", secretName: "shop-web", rotation }] },
    { name: "staging", mode: "Capture", credentials: [] },
  ],
  revokedKeyIds: [],
  delivery: { route: "Direct", tlsPolicy: "Opportunistic" },
};
const domainSpec: SendingDomainSpec = {
  domain: "example.com",
  tenantRef: { name: "shop" },
  deletionPolicy: "Retain",
  dkim: {
    algorithms: ["RSA2048", "Ed25519"],
    selectorPrefix: "s",
    rotation: { schedule: "Manual", overlap: "240h", retention: "720h" },
    revokedSelectors: [],
  },
  spf: { qualifier: "SoftFail" },
  dmarc: { policy: "None", testing: "Disabled" },
};
const apiVersion = "posthouse.dev/v1alpha1";
const tenantObject = (spec = tenantSpec): CustomObject<"RelayTenant"> => ({
  apiVersion,
  kind: "RelayTenant",
  metadata: { namespace: "team-shop", name: "shop" },
  spec,
});
const domainObject = (namespace = "team-shop"): CustomObject<"SendingDomain"> => ({
  apiVersion,
  kind: "SendingDomain",
  metadata: { namespace, name: "example-com" },
  spec: domainSpec,
});

let cluster: MemoryCluster;
let zone: Map<string, string[]>;
let usage: Map<string, TenantUsage>;
let operators: Operator[];
let lines: string[];
let noted: string[];
let metrics: Registry;

const resolver: Resolver = {
  resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
    if (type === "SOA") return Promise.resolve({ kind: "NoData", negativeTtl: 0 });
    const values = zone.get(name);
    if (values === undefined) return Promise.resolve({ kind: "NXDomain", negativeTtl: 0 });
    return Promise.resolve({ kind: "Records", ttl: 0, values: values.map((text) => [text]) } as unknown as Answer<T>);
  },
};

function start(): Operator {
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  metrics = new Registry();
  const operator = startOperator({
    cluster,
    resolver,
    usage: { usage: () => Promise.resolve(usage) },
    clock: systemClock,
    log: createLogger({ level: "info", destination }),
    random: () => 0,
    metrics,
    onNote: ({ kind, uid }, action, { reason, message }) =>
      noted.push(`${kind} ${uid ?? "gone"} ${action} ${reason} ${message}`),
    settings: {
      contractNamespace: "posthouse-system",
      plans: {
        Pro: { maxCredits: 1000, namespaces: ["team-*"] },
        Starter: { maxCredits: 1000, namespaces: ["*"], features: { ownDomains: false } },
      },
      sharedDomain: { domain: "example.com", namespace: "team-shop" },
      spfInclude: "_spf.relay.example.net",
      dns: { activationDelay: 0, checkInterval: 20, missingInterval: 20, missingIntervalMax: 40 },
      submission: { host: "relay.example.net", port: 587, implicitTls: false },
      longestMessageAge: 72 * 3_600_000,
      usageInterval: 20,
      orphanGrace: 60,
    },
  });
  operators.push(operator);
  return operator;
}

beforeEach(() => {
  cluster = createMemoryCluster();
  zone = new Map();
  usage = new Map();
  operators = [];
  lines = [];
  noted = [];
  metrics = new Registry();
});
afterEach(async () => {
  await Promise.all(operators.map((operator) => operator.stop()));
});

const claimKey = (namespace = "team-shop"): ObjectKey<"SendingDomain"> => ({
  kind: "SendingDomain",
  namespace,
  name: "example-com",
});
const tenantKey: ObjectKey<"RelayTenant"> = { kind: "RelayTenant", namespace: "team-shop", name: "shop" };
const secret = (namespace: string, name: string): SecretObject | undefined =>
  cluster.get<"Secret">({ kind: "Secret", namespace, name });
const hold = () => {
  const object = secret("posthouse-system", domainContractName("example.com"));
  const decoded = decodeDomainContract(object?.data ?? {});
  return "value" in decoded ? decoded.value : undefined;
};
const contract = () => {
  const decoded = decodeTenantContract(secret("posthouse-system", tenantContractName("team-shop", "shop"))?.data ?? {});
  return "value" in decoded ? decoded.value : undefined;
};
const credentials = () => contract()?.environments[0]?.credentials ?? [];
const issued = () => {
  const key = parseApiKey(secret("team-shop", "shop-web")?.data["password"] ?? "");
  return key && { id: key.id, sha256: hashSecret(key.secret) };
};
const states = () => domainStatus().dkim?.keys.map(({ state }) => state);
const domainStatus = (namespace = "team-shop") => cluster.get(claimKey(namespace))?.status as SendingDomainStatus;
const tenantStatus = () => cluster.get(tenantKey)?.status as RelayTenantStatus;
const condition = (status: RelayTenantStatus | SendingDomainStatus | undefined, type: string): string | undefined => {
  const found = status?.conditions?.find((each) => each.type === type);
  return found && `${found.status}/${found.reason}`;
};
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5000, interval: 5 });

function publish(namespace = "team-shop"): void {
  for (const { fqdn, value } of domainStatus(namespace).records ?? []) zone.set(fqdn, [value]);
}

async function bringUp(): Promise<void> {
  cluster.put(tenantObject());
  cluster.put(domainObject());
  start();
  await until(() => expect(domainStatus()?.records).toHaveLength(4));
  publish();
  await until(() => expect(hold()?.keys).toHaveLength(2));
}

test("from two manifests to keys, credentials and a proven domain", async () => {
  cluster.put(tenantObject());
  cluster.put(domainObject());
  start();
  await until(() => expect(condition(domainStatus(), "DNSVerified")).toBe("False/RecordMissing"));
  expect(condition(domainStatus(), "Ready")).toBe("True/Reconciled");
  expect(states()).toEqual(["Pending", "Pending"]);
  expect(hold()).toBeUndefined();
  await until(() => expect(contract()?.unproven[0]?.keys).toHaveLength(2));

  publish();
  await until(() => expect(condition(domainStatus(), "DNSVerified")).toBe("True/RecordsValid"));
  await until(() => expect(states()).toEqual(["Active", "Active"]));
  expect(condition(domainStatus(), "OwnershipProven")).toBe("True/RecordSeen");
  expect(hold()).toMatchObject({ claim: { namespace: "team-shop", name: "example-com" }, tenant: "shop" });
  expect(hold()?.keys.map(({ algorithm }) => algorithm)).toEqual(["RSA2048", "Ed25519"]);
  await until(() => expect(contract()?.unproven).toEqual([]));

  expect(secret("team-shop", "shop-web")?.type).toBe("servicebinding.io/smtp");
  expect(credentials()).toEqual([{ name: "web", allowedSources: [], ...issued() }]);
  await until(() => expect(condition(tenantStatus(), "Ready")).toBe("True/Reconciled"));
  expect(condition(tenantStatus(), "CreditsAvailable")).toBe("True/CreditsLeft");
  const { uid } = cluster.get(claimKey())?.metadata ?? {};
  expect(noted.join("\n")).toMatch(
    RegExp(`SendingDomain ${uid} \\w+ KeyAllotted Selector s\\d{4}q\\d is allotted to a new RSA2048 key`),
  );
  expect([...lines, ...noted].join("")).not.toMatch(/ph_|PRIVATE/);
});

test("an unchanged world causes no write, over many checks and pulls", async () => {
  await bringUp();
  await until(() => expect(condition(domainStatus(), "DNSVerified")).toBe("True/RecordsValid"));
  await until(() => expect(contract()?.unproven).toEqual([]));
  const resolve = vi.spyOn(resolver, "resolve");
  await until(() => expect(resolve.mock.calls.length).toBeGreaterThan(25));
  const writes = cluster.writes().length;
  await until(() => expect(resolve.mock.calls.length).toBeGreaterThan(100));
  expect(cluster.writes().slice(writes)).toEqual([]);
  resolve.mockRestore();
});

test("a restart changes nothing", async () => {
  await bringUp();
  await until(() => expect(condition(domainStatus(), "DNSVerified")).toBe("True/RecordsValid"));
  await until(() => expect(contract()?.unproven).toEqual([]));
  await operators.pop()?.stop();
  const writes = cluster.writes().length;
  const resolve = vi.spyOn(resolver, "resolve");
  start();
  await until(() => expect(resolve.mock.calls.length).toBeGreaterThan(50));
  expect(cluster.writes().slice(writes)).toEqual([]);
  resolve.mockRestore();
});

test("a deleted application Secret gets a new key, and the old one works on for the overlap", async () => {
  await bringUp();
  await until(() => expect(credentials()).toHaveLength(1));
  const [before] = credentials();
  cluster.remove({ kind: "Secret", namespace: "team-shop", name: "shop-web" });
  await until(() => expect(credentials()).toHaveLength(2));
  const [old, next] = credentials();
  expect(old?.id).toBe(before?.id);
  expect(old?.notAfter).toBeGreaterThan(Date.now() + 23 * 3_600_000);
  expect(next?.notAfter).toBeUndefined();
  expect(issued()?.id).toBe(next?.id);
});

test("credentials name another authority once it is known, or none, and keep their API keys", async () => {
  await bringUp();
  await until(() => expect(credentials()).toHaveLength(1));
  const password = secret("team-shop", "shop-web")?.data["password"];
  for (const authority of ["PEM of one", "PEM of two", undefined]) {
    operators[0]?.trust(authority);
    await until(() => expect(secret("team-shop", "shop-web")?.data["certificates"]).toBe(authority));
    expect(secret("team-shop", "shop-web")?.data["password"]).toBe(password);
  }
  expect(credentials()).toHaveLength(1);
});

test("a foreign Secret is never touched, and the tenant goes on when it is gone", async () => {
  const foreign: SecretObject = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { namespace: "team-shop", name: "shop-web" },
    type: "Opaque",
    data: { mine: "yes" },
  };
  cluster.put(foreign);
  cluster.put(tenantObject());
  start();
  await until(() => expect(condition(tenantStatus(), "Stalled")).toBe("True/SecretNotOwned"));
  expect(secret("team-shop", "shop-web")?.data).toEqual({ mine: "yes" });
  cluster.remove({ kind: "Secret", namespace: "team-shop", name: "shop-web" });
  await until(() => expect(condition(tenantStatus(), "Ready")).toBe("True/Reconciled"));
  expect(condition(tenantStatus(), "Stalled")).toBeUndefined();
  await until(() => expect(lines.join("")).toMatch(/"warn".*"SecretNotOwned".*choose another.*\n(.*\n)*.*Ready again/));
});

test("who proves second is stalled without learning who was first, until the first lets go", async () => {
  await bringUp();
  cluster.put({ ...tenantObject(), metadata: { namespace: "team-other", name: "shop" } });
  cluster.put({
    ...domainObject("team-other"),
    spec: { ...domainSpec, dkim: { ...domainSpec.dkim, selectorPrefix: "t" } },
  });
  await until(() => expect(domainStatus("team-other")?.records).toHaveLength(4));
  expect(condition(domainStatus("team-other"), "Stalled")).toBeUndefined();
  for (const { fqdn, value, purpose } of domainStatus("team-other").records ?? [])
    if (purpose === "DKIM") zone.set(fqdn, [value]);
  await until(() => expect(condition(domainStatus("team-other"), "Stalled")).toBe("True/DomainTaken"));
  expect(JSON.stringify(domainStatus("team-other"))).not.toContain("team-shop");
  expect(hold()?.claim.namespace).toBe("team-shop");

  cluster.remove(claimKey());
  await until(() => expect(hold()?.claim.namespace).toBe("team-other"));
  await until(() => expect(condition(domainStatus("team-other"), "Stalled")).toBeUndefined());
});

test("of two claims whose records are seen in the same check one holds the domain, and the other is told so", async () => {
  for (const [namespace, selectorPrefix] of [
    ["team-shop", "s"],
    ["team-other", "t"],
  ] as const) {
    cluster.put({ ...tenantObject(), metadata: { namespace, name: "shop" } });
    cluster.put({
      ...domainObject(namespace),
      spec: { ...domainSpec, dkim: { ...domainSpec.dkim, selectorPrefix } },
    });
  }
  start();
  const namespaces = ["team-shop", "team-other"];
  await until(() => expect(namespaces.map((namespace) => domainStatus(namespace)?.records?.length)).toEqual([4, 4]));
  namespaces.forEach(publish);
  const proven = () =>
    namespaces.map((namespace) => condition(domainStatus(namespace), "OwnershipProven") ?? "").toSorted();
  await until(() => expect(proven()).toEqual(["False/DomainTaken", "True/RecordSeen"]));
  const holder = hold()?.claim.namespace ?? "";
  expect(condition(domainStatus(holder), "OwnershipProven")).toBe("True/RecordSeen");
  const prefix = holder === "team-shop" ? "s" : "t";
  await until(() => expect(hold()?.keys.map(({ selector }) => selector[0])).toEqual([prefix, prefix]));
});

test("a deleted claim lets go of the domain after the grace, and finds its keys when it comes back", async () => {
  await bringUp();
  const keys = hold()?.keys;
  cluster.remove(claimKey());
  await until(() => expect(hold()).toBeUndefined());
  cluster.put(domainObject());
  await until(() => expect(hold()?.keys).toEqual(keys));
});

test("a claim that is made anew at once for another domain lets go of the one before", async () => {
  await bringUp();
  cluster.remove(claimKey());
  cluster.put({ ...domainObject(), spec: { ...domainSpec, domain: "other.example" } });
  await until(() => expect(hold()).toBeUndefined());
});

test("a deleted tenant's mail is refused after the grace, and its keys are good again when it comes back", async () => {
  await bringUp();
  await until(() => expect(credentials()).toHaveLength(1));
  const id = credentials()[0]?.id;
  cluster.remove(tenantKey);
  await until(() => expect(contract()).toBeUndefined());
  await until(() => expect(condition(domainStatus(), "Ready")).toBe("False/TenantNotFound"));
  cluster.put(tenantObject());
  await until(() => expect(credentials().map((each) => each.id)).toEqual([id]));
  await until(() => expect(condition(domainStatus(), "Ready")).toBe("True/Reconciled"));
});

test("vanished records end signing, not the hold; they come back, and so does signing", async () => {
  await bringUp();
  const records = [...zone];
  zone.clear();
  await until(() => expect(hold()?.keys).toEqual([]));
  await until(() => expect(condition(domainStatus(), "DKIMVerified")).toBe("False/NoVisibleKey"));
  for (const [name, values] of records) zone.set(name, values);
  await until(() => expect(hold()?.keys).toHaveLength(2));
});

test("used credits show in steps", async () => {
  await bringUp();
  const period = tenantStatus().credits?.period ?? "";
  usage.set("team-shop/shop", { credits: { period, used: 47, topUpsUsed: {} }, keysUsed: {} });
  await until(() => expect(tenantStatus().credits).toMatchObject({ limit: 100, used: 40, remaining: 60 }));
  usage.set("team-shop/shop", { credits: { period, used: 95, topUpsUsed: {} }, keysUsed: {} });
  await until(() => expect(condition(tenantStatus(), "CreditsAvailable")).toBe("True/CreditsLow"));
  usage.set("team-shop/shop", { credits: { period, used: 100, topUpsUsed: {} }, keysUsed: {} });
  await until(() => expect(condition(tenantStatus(), "CreditsAvailable")).toBe("False/CreditsExhausted"));
  const raised = { ...tenantSpec, allowance: { ...tenantSpec.allowance, topUps: [{ name: "more", amount: 50 }] } };
  cluster.put(tenantObject(raised));
  await until(() => expect(condition(tenantStatus(), "CreditsAvailable")).toBe("True/CreditsLeft"));
  expect(contract()?.allowance.topUps).toEqual([{ name: "more", amount: 50 }]);
});

test("a tenant below the shared domain says when that is not proven, signs, and has lost its keys", async () => {
  const allowance = { ...tenantSpec.allowance, plan: "Starter" };
  const key: ObjectKey<"RelayTenant"> = { kind: "RelayTenant", namespace: "team-blog", name: "blog" };
  const { namespace, name } = key;
  cluster.put({ ...tenantObject({ ...tenantSpec, allowance, environments: [] }), metadata: { namespace, name } });
  cluster.put(domainObject());
  start();
  const said = () => {
    const status = cluster.get(key)?.status as RelayTenantStatus | undefined;
    return `${status?.sending?.state}/${status?.sending?.reason} ${condition(status, "SendingAllowed")}`;
  };
  await until(() => expect(said()).toBe("Disabled/SharedDomainNotProven False/SharedDomainNotProven"));
  cluster.put(tenantObject());
  await until(() => expect(domainStatus()?.records).toHaveLength(4));
  publish();
  await until(() => expect(said()).toBe("Active/Enabled True/Enabled"));
  zone.clear();
  await until(() => expect(said()).toBe("Active/NoVisibleKey True/NoVisibleKey"));
});

test("rotate-now of several credentials is carried out, and a part that cannot be is reported", async () => {
  const spec = structuredClone(tenantSpec);
  spec.environments[0]?.credentials.push({ name: "worker", secretName: "shop-worker", rotation });
  cluster.put(tenantObject(spec));
  start();
  const keys = () => tenantStatus()?.environments?.flatMap((each) => each.credentials) ?? [];
  await until(() => expect(keys()).toHaveLength(2));
  const before = keys();
  const ask = (rotate: string): void => {
    const object = tenantObject(spec);
    cluster.put({ ...object, metadata: { ...object.metadata, annotations: { "posthouse.dev/rotate": rotate } } });
  };
  ask("production/web=1, production/worker=2 ,production/wbe=3");
  await until(() => expect(keys().map(({ lastHandledRotation }) => lastHandledRotation)).toEqual(["1", "2"]));
  expect(condition(tenantStatus(), "Stalled")).toBe("True/RotateAnnotationInvalid");
  expect(keys().map(({ oldKeyIds }) => oldKeyIds)).toEqual(before.map(({ keyId }) => [keyId]));
  const after = keys();
  ask("production/web=1,production/worker=2");
  await until(() => expect(condition(tenantStatus(), "Ready")).toBe("True/Reconciled"));
  expect(keys()).toEqual(after);
});

const oldKeyTenants = async () => (await metrics.getSingleMetric("posthouse_old_key_tenants")?.get())?.values[0]?.value;

test("an old key in use is told once, counted, and let go when it is revoked", async () => {
  const quick = { ...rotation, overlap: "200ms" };
  const spec = structuredClone(tenantSpec);
  spec.environments[0]?.credentials.forEach((credential) => Object.assign(credential, { rotation: quick }));
  cluster.put(tenantObject(spec));
  start();
  await until(() => expect(credentials()).toHaveLength(1));
  const old = credentials()[0]?.id ?? "";
  usage.set("team-shop/shop", { keysUsed: { [old]: Date.now() + 3_600_000 } });
  cluster.remove({ kind: "Secret", namespace: "team-shop", name: "shop-web" });
  const told = (): number => lines.filter((line) => line.includes('"OldKeyInUse"') && line.includes(old)).length;
  await until(() => expect(told()).toBe(1));
  expect(await oldKeyTenants()).toBe(1);
  expect(credentials()).toHaveLength(2);
  cluster.put(tenantObject({ ...spec, revokedKeyIds: [old] }));
  await until(() => expect(credentials()).toHaveLength(1));
  await vi.waitFor(async () => expect(await oldKeyTenants()).toBe(0));
  expect(told()).toBe(1);
});

test("the records are handed over in a ConfigMap beside the SendingDomain, which goes with it", async () => {
  const key = { kind: "ConfigMap", namespace: "team-shop", name: "example-com-dns" } as const;
  await bringUp();
  await until(() => expect(cluster.get<"ConfigMap">(key)?.data["records.txt"]).toContain("SPF    Valid  example.com"));
  cluster.remove(claimKey());
  await until(() => expect(cluster.get(key)).toBeUndefined());
});

test("a ConfigMap of that name that is not ours is left alone and reported, until it goes", async () => {
  const metadata = { namespace: "team-shop", name: "example-com-dns" };
  cluster.put({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { theirs: "x" } });
  await bringUp();
  await until(() => expect(condition(domainStatus(), "Stalled")).toBe("True/ConfigMapNotOwned"));
  expect(cluster.get<"ConfigMap">({ kind: "ConfigMap", ...metadata })?.data).toEqual({ theirs: "x" });
  cluster.remove({ kind: "ConfigMap", ...metadata });
  await until(() => expect(condition(domainStatus(), "Ready")).toBe("True/Reconciled"));
});

test("a suspension waits for nobody who makes SendingDomains", async () => {
  const crowd = 20;
  for (let i = 0; i < crowd; i++) {
    const { metadata, ...rest } = domainObject("team-crowd");
    cluster.put({
      ...rest,
      metadata: { ...metadata, name: `d${i}` },
      spec: { ...domainSpec, domain: `d${i}.example` },
    });
  }
  const keys = () => cluster.list("Secret").filter(({ metadata }) => metadata.labels?.[labels.key] === "dkim").length;
  start();
  await until(() => expect(keys()).toBeGreaterThan(0));
  cluster.put(tenantObject({ ...tenantSpec, allowance: { ...tenantSpec.allowance, standing: "Suspended" } }));
  await until(() => expect(contract()?.sending.state).toBe("Suspended"));
  expect(keys()).toBeLessThan(crowd);
});
