import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FolderCluster } from "../cluster/folder/folder.ts";
import type { ConfigMapObject, SecretObject } from "../cluster/object.ts";
import { decodeDomainContract } from "../contract/codec.ts";
import {
  annotations,
  deletionsName,
  domainContractName,
  handOverName,
  keyHistoryName,
  labels,
  tenantContractName,
} from "../contract/names.ts";
import type { SendingDomainStatus } from "../crds/sending-domain.ts";
import type { Answer, RecordType, Resolver } from "../net/resolver.ts";
import { createLogger } from "../runtime/log.ts";
import { testFolders, type TestFolders } from "../test/harness/folder.ts";
import { createManualClock, type ManualClock } from "../test/harness/manual-clock.ts";
import { startOperator, type Operator } from "./operator.ts";
import { domainContractSecret } from "./own-objects.ts";

const contractNamespace = "posthouse-system";
const minute = 60_000;
const tenant = (name: string): string => `apiVersion: posthouse.dev/v1alpha1
kind: RelayTenant
metadata: {name: ${name}, namespace: team}
spec:
  allowance: {plan: Pro, credits: {type: Unlimited}}
`;
const domain = `apiVersion: posthouse.dev/v1alpha1
kind: SendingDomain
metadata: {name: shop-example, namespace: team}
spec:
  domain: shop.example
  tenantRef: {name: t1}
`;

let folders: TestFolders;
let cluster: FolderCluster;
let clock: ManualClock;
let operator: Operator;
let metrics: Registry;
let zone: Map<string, string>;
/** Names that the DNS was asked for. */
let asked: string[];
let lines: { reason?: string; confirmation?: string; msg?: string }[];
let isListed: boolean;

const resolver: Resolver = {
  resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
    asked.push(name);
    const value = zone.get(name);
    if (type !== "TXT" || value === undefined) return Promise.resolve({ kind: "NXDomain", negativeTtl: 0 });
    return Promise.resolve({ kind: "Records", ttl: 0, values: [[value]] } as unknown as Answer<T>);
  },
};

function start(): void {
  metrics = new Registry();
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(
        ...chunk
          .toString()
          .trim()
          .split("\n")
          .map((line): (typeof lines)[number] => JSON.parse(line)),
      );
      done();
    },
  });
  operator = startOperator({
    cluster,
    resolver,
    usage: { usage: () => Promise.resolve(new Map()) },
    clock,
    log: createLogger({ level: "info", destination }),
    random: () => 0,
    metrics,
    isListed: () => isListed,
    settings: {
      contractNamespace,
      plans: { Pro: { maxCredits: "Unlimited", namespaces: ["*"] } },
      spfInclude: "_spf.relay.example.net",
      dns: { activationDelay: 0, checkInterval: minute, missingInterval: minute, missingIntervalMax: minute },
      submission: { host: "relay.example.net", port: 587, implicitTls: false },
    },
  });
}

async function restart(): Promise<void> {
  await operator.stop();
  await cluster.close();
  cluster = await folders.open();
  start();
}

beforeEach(async () => {
  folders = testFolders();
  zone = new Map();
  asked = [];
  lines = [];
  isListed = true;
  clock = createManualClock(Date.parse("2026-11-20T10:00:00Z"));
  cluster = await folders.open();
  start();
});
afterEach(async () => {
  await operator.stop();
  await folders.close();
});

const until = (check: () => void | Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 10_000, interval: 5 });
const write = (file: string, text: string): void => {
  mkdirSync(join(folders.manifests, file, ".."), { recursive: true });
  writeFileSync(join(folders.manifests, file), text);
};
const remove = (file: string): void => rmSync(join(folders.manifests, file), { recursive: true });
const names = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `t${from + i}`);
const contracts = (): string[] =>
  names(1, 99).filter((name) =>
    cluster.get({ kind: "Secret", namespace: contractNamespace, name: tenantContractName("team", name) }),
  );
const tenants = (): string[] => cluster.list("RelayTenant").map(({ metadata }) => metadata.name);
const held = (): { confirmation?: string } | undefined =>
  lines.findLast(({ reason }) => reason === "MassDeletionHeldBack");
const hold = (): unknown =>
  cluster.get({ kind: "Secret", namespace: contractNamespace, name: domainContractName("shop.example") });
const keys = (): unknown[] => cluster.list("Secret").filter(({ metadata }) => metadata.name.startsWith("dkim-"));
/** Tenants in one file each; resolves when all have contracts. */
async function bringUp(count: number): Promise<void> {
  for (const name of names(1, count)) write(`${name}.yaml`, tenant(name));
  await until(() => expect(contracts()).toHaveLength(count));
  await settled();
}
/** Resolves when the operator has nothing left to do but wait. */
async function settled(): Promise<void> {
  await until(async () => expect(await active()).toEqual([0, 0]));
}
/** How many are worked on; while there are none, none waits. */
async function active(): Promise<readonly number[] | undefined> {
  return (await metrics.getSingleMetric("controller_runtime_active_workers")?.get())?.values.map(({ value }) => value);
}
/** Lets time pass in steps, as the operator's own looks go. */
async function pass(minutes: number): Promise<void> {
  for (let left = minutes; left > 0; left -= 5) {
    await clock.advance(Math.min(left, 5) * minute);
    await settled();
  }
}
async function gone(...expected: string[]): Promise<void> {
  await until(() => expect(tenants().filter((name) => expected.includes(name))).toEqual([]));
  await settled();
}
async function orphans(): Promise<Record<string, number>> {
  const metric = await metrics.getSingleMetric("posthouse_orphans")?.get();
  return Object.fromEntries((metric?.values ?? []).map((each) => [String(each.labels["state"]), each.value]));
}
/** A ConfigMap that claims to hand over the records of a SendingDomain that never was. */
function forgedHandOver(name: string): ConfigMapObject {
  const labelled = { [labels.managedBy]: "posthouse", [labels.record]: "hand-over" };
  const metadata = {
    namespace: "rogue",
    name: handOverName(name),
    labels: labelled,
    annotations: { [annotations.owner]: `rogue/${name}` },
  };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data: {} };
}
/** The contract of a claim whose SendingDomain is gone. */
function strayHold(name: string): SecretObject {
  const claim = { namespace: "rogue", name };
  return domainContractSecret(contractNamespace, {
    version: 1,
    domain: `${name}.example`,
    claim,
    tenant: "rogue",
    keys: [],
    provenAt: 1,
  });
}
const strayHolds = (): unknown[] =>
  cluster.list("Secret").filter(({ metadata }) => metadata.annotations?.[annotations.owner]?.startsWith("rogue/"));
const confirm = (token: string): void =>
  write(
    "deletions.yaml",
    `apiVersion: v1
kind: ConfigMap
metadata:
  name: ${deletionsName}
  namespace: ${contractNamespace}
  annotations: {posthouse.dev/confirm-deletions: "${token}"}
`,
  );

test("a deleted tenant's contract goes an hour later, not before", async () => {
  await bringUp(2);
  remove("t2.yaml");
  await gone("t2");
  await pass(59);
  expect(contracts()).toEqual(["t1", "t2"]);
  expect(await orphans()).toEqual({ waiting: 1, held_back: 0 });
  await pass(5);
  await until(() => expect(contracts()).toEqual(["t1"]));
  expect(await orphans()).toEqual({ waiting: 0, held_back: 0 });
});

test("a deleted claim keeps its domain for an hour, then lets go of it and keeps its keys", async () => {
  await bringUp(1);
  write("domain.yaml", domain);
  const key = { kind: "SendingDomain", namespace: "team", name: "shop-example" } as const;
  const status = () => cluster.get(key)?.status as SendingDomainStatus | undefined;
  await until(() => expect(status()?.records).toHaveLength(4));
  for (const { fqdn, value } of status()?.records ?? []) zone.set(fqdn, value);
  await pass(3);
  await until(() => expect(hold()).toBeDefined());
  const before = keys();
  remove("domain.yaml");
  await until(() => expect(cluster.get(key)).toBeUndefined());
  await pass(55);
  expect(hold()).toBeDefined();
  await pass(10);
  await until(() => expect(hold()).toBeUndefined());
  expect(keys()).toEqual(before);
});

/** A claim that holds its domain and signs, then loses its SendingDomain. */
async function orphanClaim(): Promise<void> {
  write("domain.yaml", domain);
  const key = { kind: "SendingDomain", namespace: "team", name: "shop-example" } as const;
  const status = () => cluster.get(key)?.status as SendingDomainStatus | undefined;
  await until(() => expect(status()?.records).toHaveLength(4));
  for (const { fqdn, value } of status()?.records ?? []) zone.set(fqdn, value);
  await pass(3);
  await until(() => expect(signing()).toHaveLength(2));
  remove("domain.yaml");
  await until(() => expect(cluster.get(key)).toBeUndefined());
  await settled();
}
/** Selectors that the contract of the domain names; undefined when there is none. */
function signing(): readonly string[] | undefined {
  const key = { kind: "Secret", namespace: contractNamespace, name: domainContractName("shop.example") } as const;
  const decoded = decodeDomainContract(cluster.get<"Secret">(key)?.data ?? {});
  return "value" in decoded ? decoded.value.keys.map(({ selector }) => selector) : undefined;
}
const dkimNames = (): string[] => [...zone.keys()].filter((name) => name.includes("._domainkey."));

test("a deleted claim whose records are lost stops signing within two checks, and signs again when they are back", async () => {
  await bringUp(1);
  await orphanClaim();
  await pass(10);
  expect(signing()).toHaveLength(2);
  const published = new Map(zone);
  const made = keys();
  for (const name of dkimNames()) zone.delete(name);
  await pass(15);
  await until(() => expect(signing()).toEqual([]));
  for (const [name, value] of published) zone.set(name, value);
  await pass(15);
  await until(() => expect(signing()).toHaveLength(2));
  expect(keys()).toEqual(made);
});

test("a deleted claim is watched after a restart too, and no more when its contract is gone", async () => {
  await bringUp(1);
  await orphanClaim();
  await restart();
  await settled();
  for (const name of dkimNames()) zone.delete(name);
  await pass(10);
  await until(() => expect(signing()).toEqual([]));
  await pass(65);
  await until(() => expect(signing()).toBeUndefined());
  asked.length = 0;
  await pass(30);
  expect(asked).toEqual([]);
});

test("a deleted claim whose history cannot be read stops signing when its records are lost", async () => {
  await bringUp(1);
  await orphanClaim();
  const claim = { namespace: "team", name: "shop-example", domain: "shop.example" };
  const key = { kind: "ConfigMap", namespace: contractNamespace, name: keyHistoryName(claim) } as const;
  const history = cluster.get<"ConfigMap">(key);
  if (history) await cluster.apply({ ...history, data: { history: "not JSON" } });
  await pass(10);
  expect(signing()).toHaveLength(2);
  for (const name of dkimNames()) zone.delete(name);
  await pass(15);
  await until(() => expect(signing()).toEqual([]));
});

test("a claim that is held back with many others stops signing when its records are lost", async () => {
  await bringUp(6);
  await orphanClaim();
  for (const name of names(1, 6)) remove(`${name}.yaml`);
  await gone(...names(1, 6));
  await pass(300);
  expect(contracts()).toHaveLength(6);
  expect(signing()).toHaveLength(2);
  for (const name of dkimNames()) zone.delete(name);
  await pass(15);
  await until(() => expect(signing()).toEqual([]));
});

test("what comes back within the hour has lost nothing, and another hour begins when it goes again", async () => {
  await bringUp(1);
  const secret = cluster.list("Secret")[0];
  remove("t1.yaml");
  await gone("t1");
  await pass(50);
  write("t1.yaml", tenant("t1"));
  await until(() => expect(tenants()).toEqual(["t1"]));
  await pass(5);
  expect(cluster.list("Secret")[0]).toEqual(secret);
  remove("t1.yaml");
  await gone("t1");
  await pass(50);
  expect(contracts()).toEqual(["t1"]);
});

test("a restart begins the hour again", async () => {
  await bringUp(1);
  remove("t1.yaml");
  await gone("t1");
  await pass(50);
  await restart();
  await settled();
  await pass(50);
  expect(contracts()).toEqual(["t1"]);
  await pass(15);
  await until(() => expect(contracts()).toEqual([]));
});

test("a clock that jumps a year ahead deletes nothing", async () => {
  await bringUp(1);
  remove("t1.yaml");
  await gone("t1");
  clock.jump(365 * 24 * 60 * minute);
  await pass(10);
  expect(contracts()).toEqual(["t1"]);
});

test.each<{ what: string; spoil: () => void }>([
  { what: "is cut off in the middle", spoil: () => write("t1.yaml", tenant("t1").slice(0, -20)) },
  { what: "holds nonsense", spoil: () => write("t1.yaml", "\u0000") },
  {
    what: "is a link that leads nowhere",
    spoil() {
      remove("t1.yaml");
      symlinkSync("nowhere.yaml", join(folders.manifests, "t1.yaml"));
    },
  },
  {
    what: "has lost its kind to a mistake",
    spoil: () => write("t1.yaml", tenant("t1").replace("RelayTenant", "RelayTenan")),
  },
])("a file that $what deletes nothing, however long", async ({ spoil }) => {
  await bringUp(1);
  spoil();
  await until(() => expect(cluster.problems()).toHaveLength(1));
  await pass(120);
  expect(contracts()).toEqual(["t1"]);
});

test("a half-saved file, empty for a moment, deletes nothing", async () => {
  await bringUp(1);
  const before = cluster.list("Secret");
  write("t1.yaml", "");
  await gone("t1");
  await pass(30);
  expect(cluster.list("Secret")).toEqual(before);
  write("t1.yaml", tenant("t1"));
  await until(() => expect(tenants()).toEqual(["t1"]));
  await pass(90);
  expect(cluster.list("Secret")).toEqual(before);
});

test("a folder that was narrowed to a part of it deletes nothing until somebody confirms", async () => {
  for (const name of names(1, 10)) write(`${name === "t1" ? "here" : "there"}/${name}.yaml`, tenant(name));
  await until(() => expect(contracts()).toHaveLength(10));
  await settled();
  remove("there");
  await gone(...names(2, 10));
  await pass(300);
  expect(contracts()).toHaveLength(10);
  expect(await orphans()).toEqual({ waiting: 0, held_back: 9 });
});

test("a kind that was deleted deletes nothing until somebody confirms", async () => {
  await bringUp(6);
  write("domain.yaml", domain);
  for (const name of names(1, 6)) remove(`${name}.yaml`);
  await gone(...names(1, 6));
  await pass(120);
  expect(contracts()).toHaveLength(6);
});

test("11 % at once are held back with a token, and go an hour later when that is confirmed", async () => {
  await bringUp(55);
  for (const name of names(1, 6)) remove(`${name}.yaml`);
  await gone(...names(1, 6));
  await pass(70);
  expect(contracts()).toHaveLength(55);
  expect(held()?.confirmation).toMatch(/^6-/);
  expect(lines.filter(({ reason }) => reason === "MassDeletionHeldBack")).toHaveLength(1);
  expect(held()).toMatchObject({ missing: names(1, 6).map((name) => `RelayTenant/team/${name}`) });

  confirm("6-000000000000");
  await pass(10);
  expect(contracts()).toHaveLength(55);
  confirm(held()?.confirmation ?? "");
  await until(() => expect(contracts()).toEqual(names(7, 55)));
  expect(await orphans()).toEqual({ waiting: 0, held_back: 0 });
});

test("a confirmation lifts the brake, not the hour, and outlives a restart", async () => {
  await bringUp(6);
  for (const name of names(1, 6)) remove(`${name}.yaml`);
  await gone(...names(1, 6));
  await pass(10);
  confirm(held()?.confirmation ?? "");
  await pass(20);
  expect(contracts()).toHaveLength(6);
  await restart();
  await settled();
  await pass(50);
  expect(contracts()).toHaveLength(6);
  await pass(15);
  await until(() => expect(contracts()).toEqual([]));
});

test("a confirmation is good for those objects alone", async () => {
  await bringUp(7);
  for (const name of names(1, 6)) remove(`${name}.yaml`);
  await gone(...names(1, 6));
  await pass(10);
  const token = held()?.confirmation ?? "";
  remove("t7.yaml");
  await gone("t7");
  await pass(5);
  confirm(token);
  await pass(90);
  expect(contracts()).toHaveLength(7);
});

test("what anybody can make up in a namespace of theirs holds nobody's deletions back", async () => {
  await bringUp(2);
  for (const name of names(1, 20)) await cluster.create(forgedHandOver(name));
  remove("t2.yaml");
  await gone("t2");
  await pass(65);
  await until(() => expect(contracts()).toEqual(["t1"]));
  expect(held()).toBeUndefined();
});

test("whoever deletes all domains of a namespace holds back those alone", async () => {
  await bringUp(2);
  write("domain.yaml", domain);
  for (const name of names(1, 8)) await cluster.create(strayHold(name));
  await settled();
  remove("t2.yaml");
  await gone("t2");
  await pass(65);
  await until(() => expect(contracts()).toEqual(["t1"]));
  expect(held()).toMatchObject({ missing: names(1, 8).map((name) => `SendingDomain/rogue/${name}`) });
  expect(strayHolds()).toHaveLength(8);
  confirm(`1-ffffffffffff, ${held()?.confirmation}`);
  await until(() => expect(strayHolds()).toEqual([]));
});

test("10 % go without a question", async () => {
  await bringUp(60);
  for (const name of names(1, 6)) remove(`${name}.yaml`);
  await gone(...names(1, 6));
  await pass(65);
  await until(() => expect(contracts()).toEqual(names(7, 60)));
});

test("a list that is not complete or not authorised deletes nothing", async () => {
  await bringUp(1);
  isListed = false;
  remove("t1.yaml");
  await gone("t1");
  await pass(90);
  expect(contracts()).toEqual(["t1"]);
  isListed = true;
  await pass(50);
  expect(contracts()).toEqual(["t1"]);
  await pass(20);
  await until(() => expect(contracts()).toEqual([]));
});
