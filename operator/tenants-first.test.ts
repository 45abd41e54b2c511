import { Writable } from "node:stream";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ClusterObject } from "../cluster/object.ts";
import { Refused, type CreateResult } from "../cluster/port.ts";
import { decodeTenantContract } from "../contract/codec.ts";
import { tenantContractName } from "../contract/names.ts";
import type { RelayTenantSpec } from "../crds/relay-tenant.ts";
import { createLogger } from "../runtime/log.ts";
import { createManualClock, type ManualClock } from "../test/harness/manual-clock.ts";
import { createMemoryCluster, type MemoryCluster } from "../test/harness/memory-cluster.ts";
import { production } from "../test/harness/planned-tenant.ts";
import { startOperator, type Operator } from "./operator.ts";

const contractNamespace = "posthouse-system";
const spec: RelayTenantSpec = {
  allowance: { plan: "Scale", credits: { type: "Unlimited" }, topUps: [], standing: "Normal" },
  sending: "Enabled",
  environments: [production],
  revokedKeyIds: [],
  delivery: { route: "Direct", tlsPolicy: "Opportunistic" },
};

let cluster: MemoryCluster;
let clock: ManualClock;
let metrics: Registry;
let operator: Operator;
let lines: string[];
/** What becomes of each creation. */
let create: (object: ClusterObject) => Promise<CreateResult>;
/** Lets go of what a test holds up. */
let letGo: () => void;

beforeEach(() => {
  cluster = createMemoryCluster();
  clock = createManualClock(0);
  metrics = new Registry();
  lines = [];
  letGo = () => undefined;
  create = (object) => cluster.create(object);
  const write = (chunk: Buffer, _encoding: string, done: () => void): void => {
    lines.push(chunk.toString());
    done();
  };
  operator = startOperator({
    cluster: { ...cluster, create: (object) => create(object) },
    resolver: { resolve: () => Promise.resolve({ kind: "NXDomain", negativeTtl: 0 }) },
    usage: { usage: () => Promise.resolve(new Map()) },
    clock,
    log: createLogger({ level: "info", destination: new Writable({ write }) }),
    random: () => 0,
    metrics,
    settings: {
      contractNamespace,
      plans: { Scale: { maxCredits: "Unlimited", namespaces: ["*"] } },
      spfInclude: "_spf.relay.example.net",
      dns: { activationDelay: 0, checkInterval: 60_000, missingInterval: 60_000, missingIntervalMax: 60_000 },
      submission: { host: "relay.example.net", port: 587, implicitTls: false },
    },
  });
});
afterEach(() => {
  letGo();
  return operator.stop();
});

function put(name: string, given = spec): void {
  const metadata = { namespace: "team", name };
  cluster.put({ apiVersion: "posthouse.dev/v1alpha1", kind: "RelayTenant", metadata, spec: given });
}

function failures(): number {
  return lines.filter((line) => line.includes("will try again")).length;
}

function sending(name: string): string | undefined {
  const key = { kind: "Secret" as const, namespace: contractNamespace, name: tenantContractName("team", name) };
  const decoded = decodeTenantContract(cluster.get<"Secret">(key)?.data ?? {});
  return "value" in decoded ? decoded.value.sending.state : undefined;
}

async function valuesOf(metric: string): Promise<readonly number[]> {
  return (await metrics.getSingleMetric(metric)?.get())?.values.map(({ value }) => value) ?? [];
}

test("a tenant whose Secret is refused is suspended at once, and tried no more often for its own writes", async () => {
  create = (object) =>
    object.metadata.namespace === "team" ? Promise.reject(new Refused("no Secrets here")) : cluster.create(object);
  put("shop");
  await vi.waitFor(() => expect(failures()).toBe(1));
  for (let failed = 2; failed <= 6; failed++) {
    await clock.advance(200 * 2 ** (failed - 2));
    await vi.waitFor(() => expect(failures()).toBe(failed));
  }
  expect(sending("shop")).toBe("Active");
  put("shop", { ...spec, allowance: { ...spec.allowance, standing: "Suspended" } });
  await vi.waitFor(() => expect(sending("shop")).toBe("Suspended"));
  await vi.waitFor(() => expect(failures()).toBe(7));
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect(failures()).toBe(7);
});

test("as many tenants are worked on as the metrics say at most, and what waits is what is not", async () => {
  const held = new Promise<void>((resolve) => (letGo = resolve));
  create = (object) => held.then(() => cluster.create(object));
  for (let n = 0; n < 40; n++) put(`t${n}`);
  await vi.waitFor(async () => expect(await valuesOf("controller_runtime_active_workers")).toEqual([32, 0]));
  expect(await valuesOf("controller_runtime_max_concurrent_reconciles")).toEqual([32, 16]);
  expect(await valuesOf("workqueue_depth")).toEqual([8]);
  letGo();
  await vi.waitFor(async () => expect(await valuesOf("controller_runtime_active_workers")).toEqual([0, 0]));
  expect(await valuesOf("workqueue_depth")).toEqual([0]);
});
