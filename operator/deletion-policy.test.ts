import { Writable } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { domainContractName } from "../contract/names.ts";
import type { SendingDomainSpec, SendingDomainStatus } from "../crds/sending-domain.ts";
import type { Answer, RecordType, Resolver } from "../net/resolver.ts";
import { createLogger } from "../runtime/log.ts";
import { createManualClock, type ManualClock } from "../test/harness/manual-clock.ts";
import { createMemoryCluster, type MemoryCluster } from "../test/harness/memory-cluster.ts";
import { startOperator, type Operator } from "./operator.ts";

const contractNamespace = "posthouse-system";
const minute = 60_000;
const domainKey = { kind: "SendingDomain", namespace: "team", name: "shop-example" } as const;

let cluster: MemoryCluster;
let clock: ManualClock;
let operator: Operator;
let zone: Map<string, string>;

const resolver: Resolver = {
  resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
    const value = zone.get(name);
    if (type !== "TXT" || value === undefined) return Promise.resolve({ kind: "NXDomain", negativeTtl: 0 });
    return Promise.resolve({ kind: "Records", ttl: 0, values: [[value]] } as unknown as Answer<T>);
  },
};

function start(): void {
  operator = startOperator({
    cluster,
    resolver,
    usage: { usage: () => Promise.resolve(new Map()) },
    clock,
    log: createLogger({ level: "fatal", destination: new Writable() }),
    random: () => 0,
    settings: {
      contractNamespace,
      plans: { Pro: { maxCredits: "Unlimited", namespaces: ["*"] } },
      spfInclude: "_spf.relay.example.net",
      dns: { activationDelay: 0, checkInterval: minute, missingInterval: minute, missingIntervalMax: minute },
      submission: { host: "relay.example.net", port: 587, implicitTls: false },
    },
  });
}

beforeEach(() => {
  zone = new Map();
  clock = createManualClock(Date.parse("2026-11-20T10:00:00Z"));
  cluster = createMemoryCluster();
  start();
});
afterEach(() => operator.stop());

function specOf(deletionPolicy: SendingDomainSpec["deletionPolicy"], domain = "shop.example"): SendingDomainSpec {
  return {
    domain,
    tenantRef: { name: "shop" },
    deletionPolicy,
    dkim: {
      algorithms: ["RSA2048", "Ed25519"],
      selectorPrefix: "s",
      rotation: { schedule: "Manual", overlap: "240h", retention: "720h" },
      revokedSelectors: [],
    },
    spf: { qualifier: "SoftFail" },
    dmarc: { policy: "None", testing: "Disabled" },
  };
}

const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 10_000, interval: 5 });
const apply = (spec: SendingDomainSpec): void => {
  const { namespace, name, kind } = domainKey;
  cluster.put({ apiVersion: "posthouse.dev/v1alpha1", kind, metadata: { namespace, name }, spec });
};
const status = () => cluster.get(domainKey)?.status as SendingDomainStatus | undefined;
const keyStates = () => status()?.dkim?.keys.map(({ selector, state }) => `${selector} ${state}`);
const named = (kind: "Secret" | "ConfigMap", prefix: string) =>
  cluster.list(kind).filter(({ metadata }) => metadata.name.startsWith(prefix));
const keys = () => named("Secret", "dkim-");
const histories = () => named("ConfigMap", "keys-");
const hold = () =>
  cluster.get({ kind: "Secret", namespace: contractNamespace, name: domainContractName("shop.example") });

/** Lets time pass in steps, as the operator's own looks go. */
async function pass(minutes: number): Promise<void> {
  for (let left = minutes; left > 0; left -= 5) await clock.advance(Math.min(left, 5) * minute);
}

/** Applies the SendingDomain and publishes what it reports; resolves when its keys sign. */
async function bringUp(spec: SendingDomainSpec): Promise<void> {
  apply(spec);
  await until(() => expect(status()?.records).toHaveLength(4));
  for (const { fqdn, value } of status()?.records ?? []) zone.set(fqdn, value);
  await pass(3);
  await until(() => expect(keyStates()).toEqual(["s2026q4 Active", "s2026q4-ed Active"]));
  await until(() => expect(hold()).toBeDefined());
}

test("Retain: a claim that is made again finds the keys that it had, and signs with them", async () => {
  await bringUp(specOf("Retain"));
  const before = keys();
  cluster.remove(domainKey);
  await pass(70);
  await until(() => expect(hold()).toBeUndefined());
  expect(keys()).toEqual(before);
  apply(specOf("Retain"));
  await until(() => expect(keyStates()).toEqual(["s2026q4 Active", "s2026q4-ed Active"]));
  await pass(3);
  await until(() => expect(hold()).toBeDefined());
  expect(keys()).toEqual(before);
});

test("Delete: the keys go with the hold an hour later, across a restart, and no selector comes back", async () => {
  await bringUp(specOf("Delete"));
  const before = histories();
  cluster.remove(domainKey);
  await operator.stop();
  start();
  await pass(55);
  expect([hold() === undefined, keys().length]).toEqual([false, 2]);
  await pass(10);
  await until(() => expect([hold(), keys()]).toEqual([undefined, []]));
  expect(histories()).toEqual(before);
  apply(specOf("Delete"));
  const again = ["s2026q4 Retired", "s2026q4-ed Retired", "s2026q4-2 Pending", "s2026q4-2-ed Pending"];
  await until(() => expect(keyStates()).toEqual(again));
});

test("Delete: what comes back within the hour has lost nothing", async () => {
  await bringUp(specOf("Delete"));
  const before = keys();
  cluster.remove(domainKey);
  await pass(50);
  apply(specOf("Delete"));
  await pass(90);
  expect(keys()).toEqual(before);
});

test("the policy that stood last counts", async () => {
  await bringUp(specOf("Delete"));
  apply(specOf("Retain"));
  await until(() => expect(JSON.stringify(histories())).not.toContain("Delete"));
  cluster.remove(domainKey);
  await pass(70);
  await until(() => expect(hold()).toBeUndefined());
  expect(keys()).toHaveLength(2);
});

test("Delete: keys stand as long as a mass deletion is held back", async () => {
  const others = Array.from({ length: 6 }, (_, i) => ({ ...domainKey, name: `other-${i}` }));
  await bringUp(specOf("Delete"));
  for (const { kind, namespace, name } of others) {
    const spec = specOf("Delete", `${name}.example`);
    cluster.put({ apiVersion: "posthouse.dev/v1alpha1", kind, metadata: { namespace, name }, spec });
  }
  await until(() => expect(keys()).toHaveLength(14));
  for (const key of [domainKey, ...others]) cluster.remove(key);
  await pass(120);
  expect([hold() === undefined, keys().length]).toEqual([false, 14]);
});

test("Delete: a history that cannot be read keeps the keys", async () => {
  await bringUp(specOf("Delete"));
  for (const { metadata } of histories())
    cluster.put({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { history: "{}" } });
  cluster.remove(domainKey);
  await pass(70);
  await until(() => expect(hold()).toBeUndefined());
  expect(keys()).toHaveLength(2);
});

test("Delete: keys of a domain go at once when the name stands for another one", async () => {
  await bringUp(specOf("Delete"));
  cluster.remove(domainKey);
  apply(specOf("Delete", "other.example"));
  await until(() => expect(keys().map(({ data }) => data["domain"])).toEqual(["other.example", "other.example"]));
  expect(hold()).toBeUndefined();
  expect(histories()).toHaveLength(2);
});
