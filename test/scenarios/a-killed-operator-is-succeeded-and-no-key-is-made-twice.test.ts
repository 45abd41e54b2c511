import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { type ApiProxy, startApiProxy } from "../harness/api-proxy.ts";
import { becomes, deliveringTenant, has, keysOf, make, writesOf, writingEnds } from "../harness/custom-resources.ts";
import { operatorRelease, startOperatorProcess, type OperatorProcess } from "../harness/operator-process.ts";
import { until } from "../harness/until.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";

/** In ms: others may build and test on the same cores. */
const patience = 120_000;
/** What a pod of the chart has to end in, in ms. */
const grace = 30_000;
const account = "posthouse-operator";
const plane = withControlPlane({ crds: true });
const names = Array.from({ length: 24 }, (_, index) => `shop-${index}`);
const allKeys = names.flatMap((name) => [`${name}.example Ed25519`, `${name}.example RSA2048`]).toSorted();
const operators: OperatorProcess[] = [];
let release: { readonly namespace: string; readonly kubeconfig: string };
let team: string;
let dns: Socket;
let questions: number;

beforeEach(async () => {
  release = await operatorRelease(plane());
  team = await plane().namespace();
  questions = 0;
  dns = createSocket("udp4", () => (questions += 1));
  dns.bind(0, "127.0.0.1");
  await once(dns, "listening");
}, patience);

afterEach(async () => {
  for (const operator of operators.splice(0)) {
    operator.signal("SIGKILL");
    await operator.ended();
  }
  dns.close();
});

/** Its questions to the DNS stay open: nobody answers there. */
async function start(kubeconfig = release.kubeconfig): Promise<OperatorProcess> {
  const resolvers = [`127.0.0.1:${dns.address().port}`];
  const operator = await startOperatorProcess(
    plane(),
    { ...release, kubeconfig },
    {
      hostname: "relay.example",
      dns: { mode: "Resolvers", resolvers, missingInterval: "1h", missingIntervalMax: "1h" },
    },
    // Every test claims the same domains, in a namespace of its own.
    ["--tenant-namespaces", team],
  );
  operators.push(operator);
  return operator;
}

/** Claims 24 domains; resolves when the first keys are there and the DNS is being asked. */
async function keysAreBeingMade(): Promise<void> {
  await make(plane(), `relaytenants/${team}/shop`, deliveringTenant);
  await Promise.all(
    names.map((name) =>
      make(plane(), `sendingdomains/${team}/${name}`, { domain: `${name}.example`, tenantRef: { name: "shop" } }),
    ),
  );
  const look = async (): Promise<true | undefined> =>
    ((await keysOf(plane(), release.namespace)).length > 2 && questions > 0) || undefined;
  await until("keys are being made", look, patience);
}

/** What was there when an operator ended is there still, all that it left is made, and nothing twice. */
async function goesOnWith(left: readonly string[], successor: OperatorProcess): Promise<void> {
  expect(left.length).toBeLessThan(allKeys.length);
  for (const name of names)
    await becomes(plane(), `sendingdomains/${team}/${name}`, has("Ready", "True/Reconciled"), successor.output);
  await writingEnds(plane(), release.namespace, account);
  const keys = await keysOf(plane(), release.namespace);
  expect(keys).toEqual(expect.arrayContaining([...left]));
  expect(keys.map((key) => key.split(" ").slice(0, 2).join(" "))).toEqual(allKeys);
  const secrets = `/api/v1/namespaces/${release.namespace}/secrets/`;
  const writes = await writesOf(plane(), release.namespace, account);
  expect(writes.filter((line) => line.startsWith(`delete ${secrets}`))).toEqual([]);
}

/** The order of what the operator has asked to write so far, renewals of its Lease too, by resource. */
async function writtenInTurn(): Promise<readonly string[]> {
  const user = `system:serviceaccount:${release.namespace}:${account}`;
  const written = (await plane().auditEvents()).filter(
    (event) => event.user.username === user && !["get", "list", "watch"].includes(event.verb),
  );
  return written
    .toSorted((a, b) => (a.requestReceivedTimestamp < b.requestReceivedTimestamp ? -1 : 1))
    .map(({ objectRef }) => objectRef?.resource ?? "");
}

async function holder(): Promise<string> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${release.namespace}/leases/posthouse-operator`;
  const { body } = await plane().ask({ path });
  return (body as { spec: { holderIdentity?: string } }).spec.holderIdentity ?? "";
}

test(
  "when the one that works is killed in the middle, the other goes on: no key is made twice",
  { timeout: 500_000 },
  async () => {
    const first = await start();
    await first.ready("leading");
    const second = await start();
    await second.ready(`standing by; ${first.identity}`);
    await keysAreBeingMade();
    first.signal("SIGKILL");
    await first.ended();
    const killedAt = Date.now();
    const left = await keysOf(plane(), release.namespace);
    await second.ready("leading");
    // Its Lease of 15 s, and the pause between two looks; the rest is for a loaded machine.
    expect(Date.now() - killedAt).toBeLessThan(40_000);
    await goesOnWith(left, second);
  },
);

test("one that is told to stop in the middle gives its Lease back last", { timeout: 500_000 }, async () => {
  const first = await start();
  await first.ready("leading");
  await keysAreBeingMade();
  first.signal("SIGTERM");
  const toldAt = Date.now();
  expect(await first.ended()).toBe(0);
  expect(Date.now() - toldAt).toBeLessThan(grace);
  expect(await holder()).toBe("");
  const written = await writtenInTurn();
  expect(written).toContain("events");
  expect(written.at(-1)).toBe("leases");
  const left = await keysOf(plane(), release.namespace);
  const second = await start();
  await second.ready("leading");
  await goesOnWith(left, second);
});

test("one whose requests hang ends in the time that its pod has", { timeout: 500_000 }, async () => {
  const proxy = await startApiProxy(Number(new URL(plane().url).port));
  onTestFinished(() => proxy.close());
  const first = await start(await throughProxy(proxy));
  await first.ready("leading");
  await keysAreBeingMade();
  proxy.stall();
  first.signal("SIGTERM");
  const toldAt = Date.now();
  await first.ended();
  expect(Date.now() - toldAt).toBeLessThan(grace);
  expect((await keysOf(plane(), release.namespace)).length).toBeLessThan(allKeys.length);
});

async function throughProxy({ port }: ApiProxy): Promise<string> {
  const file = join(plane().folder, "proxy.kubeconfig");
  const direct = await readFile(release.kubeconfig, "utf8");
  await writeFile(file, direct.replace(plane().url, `https://127.0.0.1:${port}`), { mode: 0o600 });
  return file;
}
