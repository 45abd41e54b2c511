import { Writable } from "node:stream";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import type { ClusterObject, CustomObject, ObjectKey, SecretObject } from "../cluster/object.ts";
import { keyOf, keyText } from "../cluster/object.ts";
import type { Cluster } from "../cluster/port.ts";
import { hashSecret, parseApiKey } from "../contract/api-key.ts";
import { decodeDomainContract, decodeTenantContract } from "../contract/codec.ts";
import { domainContractName, labels, tenantContractName } from "../contract/names.ts";
import type { Answer, RecordType, Resolver } from "../net/resolver.ts";
import { createLogger } from "../runtime/log.ts";
import { createManualClock, type ManualClock } from "../test/harness/manual-clock.ts";
import { createMemoryCluster, type MemoryCluster } from "../test/harness/memory-cluster.ts";
import { startOperator, type Operator } from "./operator.ts";
import { nextTurn } from "../runtime/turn.ts";

const minute = 60_000;
const contractNamespace = "posthouse-system";
const apiVersion = "posthouse.dev/v1alpha1";
const tenant: CustomObject<"RelayTenant"> = {
  apiVersion,
  kind: "RelayTenant",
  metadata: { namespace: "team", name: "shop" },
  spec: {
    allowance: { plan: "Pro", credits: { type: "Unlimited" }, topUps: [], standing: "Normal" },
    sending: "Enabled",
    environments: [
      {
        name: "production",
        mode: "Deliver",
        credentials: [
          { name: "web", secretName: "web", rotation: { schedule: "Manual", overlap: "24h", oldKeys: "Revoke" } },
        ],
      },
    ],
    revokedKeyIds: [],
    delivery: { route: "Direct", tlsPolicy: "Opportunistic" },
  },
};
const claim: CustomObject<"SendingDomain"> = {
  apiVersion,
  kind: "SendingDomain",
  metadata: { namespace: "team", name: "one" },
  spec: {
    domain: "one.example",
    tenantRef: { name: "shop" },
    deletionPolicy: "Retain",
    dkim: {
      algorithms: ["RSA2048"],
      selectorPrefix: "s",
      rotation: { schedule: "Manual", overlap: "240h", retention: "720h" },
      revokedSelectors: [],
    },
    spf: { qualifier: "SoftFail" },
    dmarc: { policy: "None", testing: "Disabled" },
  },
};

const silent = createLogger({
  level: "silent",
  destination: new Writable({ write: (_chunk, _encoding, done) => done() }),
});

/** A DNS that shows what every status asks for. */
function obedientDns(cluster: Cluster): Resolver {
  return {
    resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
      const records = cluster
        .list("SendingDomain")
        .flatMap(
          ({ status }) => (status as { records?: { fqdn: string; value: string }[] } | undefined)?.records ?? [],
        );
      const values = records.filter(({ fqdn }) => fqdn === name).map(({ value }) => [value]);
      if (type !== "TXT" || values.length === 0) return Promise.resolve({ kind: "NXDomain", negativeTtl: 0 });
      return Promise.resolve({ kind: "Records", ttl: 0, values } as unknown as Answer<T>);
    },
  };
}

/** What happened to objects that may be made once and never changed. */
interface Ledger {
  readonly made: Map<string, ClusterObject>;
  readonly broken: string[];
}

/** The cluster as one operator has it: each write takes as long as the schedule says, and lands as it was sent. */
function slowed(real: MemoryCluster, scheduler: fc.Scheduler, ledger: Ledger, who: string): Cluster {
  const later = (label: string): Promise<unknown> => scheduler.schedule(Promise.resolve(), `${who} ${label}`);
  return {
    get: (key) => real.get(key),
    list: (kind) => real.list(kind),
    watch: (kinds, onChange) => real.watch(kinds, onChange),
    async create(object) {
      await later(`create ${keyText(keyOf(object))}`);
      const result = await real.create(object);
      if (result === "Created" && "immutable" in object) ledger.made.set(keyText(keyOf(object)), object);
      return result;
    },
    async apply(object) {
      await later(`apply ${keyText(keyOf(object))}`);
      const isContract = object.metadata.labels?.[labels.contract] !== undefined;
      if (isContract && object.metadata.resourceVersion === undefined)
        ledger.broken.push(`${who} changed the contract ${object.metadata.name} without having seen it`);
      return real.apply(object);
    },
    async applyStatus(object) {
      await later(`status ${keyText(keyOf(object))}`);
      return real.applyStatus(object);
    },
    async delete(key, uid, resourceVersion) {
      await later(`delete ${keyText(key)}`);
      return real.delete(key, uid, resourceVersion);
    },
  };
}

/** An operator; `cap` tells what it writes into contracts from what another does. */
function operatorOn(cluster: Cluster, clock: ManualClock, cap: number | "Unlimited", metrics: Registry): Operator {
  return startOperator({
    cluster,
    resolver: obedientDns(cluster),
    usage: { usage: () => Promise.resolve(new Map()) },
    clock,
    log: silent,
    random: () => 0,
    metrics,
    settings: {
      contractNamespace,
      plans: { Pro: { maxCredits: cap, namespaces: ["*"] } },
      spfInclude: "_spf.relay.example.net",
      dns: { activationDelay: 0, checkInterval: minute, missingInterval: minute, missingIntervalMax: minute },
      submission: { host: "relay.example.net", port: 587, implicitTls: false },
    },
  });
}

/** Lands every write that is under way, in the order of the schedule, until no operator has work; keys take real time. */
async function quiet(scheduler: fc.Scheduler, idle: () => Promise<boolean>): Promise<void> {
  while (scheduler.count() > 0 || !(await idle())) {
    if (scheduler.count() > 0) await scheduler.waitOne();
    else await nextTurn();
  }
}

/** Whether nobody works: then nothing waits either. */
async function isIdle(metrics: Registry): Promise<boolean> {
  const active = await metrics.getSingleMetric("controller_runtime_active_workers")?.get();
  return active?.values.every(({ value }) => value === 0) === true;
}

const secret = (cluster: MemoryCluster, namespace: string, name: string): SecretObject | undefined =>
  cluster.get<"Secret">({ kind: "Secret", namespace, name } satisfies ObjectKey<"Secret">);

/** What must hold once both have had their say and only the right one is left. */
function verdict(cluster: MemoryCluster, { made, broken }: Ledger): readonly string[] {
  return [...broken, ...overwritten(cluster, made), ...ofTenant(cluster), ...ofClaim(cluster)];
}

function overwritten(cluster: MemoryCluster, made: Ledger["made"]): readonly string[] {
  const now = new Map(cluster.all().map((object) => [keyText(keyOf(object)), object]));
  return [...made].flatMap(([text, object]) => {
    const standing = now.get(text);
    if (standing === undefined || !("data" in standing) || !("data" in object)) return [];
    return isDeepStrictEqual(standing.data, object.data) ? [] : [`${text} was overwritten`];
  });
}

function ofTenant(cluster: MemoryCluster): readonly string[] {
  const name = tenantContractName("team", "shop");
  const contract = decodeTenantContract(secret(cluster, contractNamespace, name)?.data ?? {});
  if ("error" in contract) return [`the contract cannot be read: ${contract.error}`];
  const { sending, environments } = contract.value;
  const key = parseApiKey(secret(cluster, "team", "web")?.data["password"] ?? "");
  const held = key && hashSecret(key.secret);
  return [
    ...(sending.state === "Active" ? [] : [`the contract is the deposed operator's: ${sending.reason}`]),
    ...(environments[0]?.credentials.some(({ sha256 }) => sha256 === held) === true
      ? []
      : ["the application's key is not the contract's"]),
  ];
}

function ofClaim(cluster: MemoryCluster): readonly string[] {
  const dkim = cluster.list("Secret").filter(({ metadata }) => metadata.labels?.[labels.key] === "dkim");
  const hold = decodeDomainContract(secret(cluster, contractNamespace, domainContractName("one.example"))?.data ?? {});
  const keys = "value" in hold ? hold.value.keys : [];
  return [
    ...(dkim.length === 1 ? [] : [`there are ${dkim.length} DKIM keys`]),
    ...(keys.length === 1 ? [] : ["the domain is not held with its key"]),
  ];
}

test("two operators on one state make no key twice, overwrite none, and the contract is the right one's in the end", async () => {
  const property = fc.asyncProperty(fc.scheduler(), fc.nat(3), fc.nat(40), async (scheduler, head, deposedAfter) => {
    const cluster = createMemoryCluster();
    const ledger: Ledger = { made: new Map(), broken: [] };
    const clock = createManualClock(Date.parse("2026-11-20T10:00:00Z"));
    cluster.put(tenant);
    cluster.put(claim);
    const [deposedMetrics, rightMetrics] = [new Registry(), new Registry()];
    const idle = async (): Promise<boolean> => (await isIdle(deposedMetrics)) && isIdle(rightMetrics);
    const run = async (minutes: number, done: () => Promise<boolean>): Promise<void> => {
      for (let i = 0; i < minutes; i++) {
        await quiet(scheduler, done);
        await clock.advance(minute);
      }
      await quiet(scheduler, done);
    };
    // Another cap than the tenant's credits: its contract says Disabled.
    const deposed = operatorOn(slowed(cluster, scheduler, ledger, "deposed"), clock, 0, deposedMetrics);
    if (head > 0) await run(head, () => isIdle(deposedMetrics));
    const right = operatorOn(slowed(cluster, scheduler, ledger, "right"), clock, "Unlimited", rightMetrics);
    for (let i = 0; i < deposedAfter && scheduler.count() > 0; i++) await scheduler.waitOne();
    // What it has begun still lands, before or after what the other one does meanwhile.
    const stopped = deposed.stop();
    await run(5, idle);
    await stopped;
    await right.stop();
    expect(verdict(cluster, ledger)).toEqual([]);
  });
  await fc.assert(property, { numRuns: 12 });
}, 60_000);
