import { loadavg } from "node:os";
import { type ControlPlane, startControlPlane } from "../../harness/control-plane.ts";
import type { SeenStatus } from "../../harness/custom-resources.ts";
import { operatorRelease } from "../../harness/operator-process.ts";
import { measureEdits } from "./edits.ts";
import { type Counted, followContracts, observe, type Observer } from "./observer.ts";
import { type BenchProcess, compile, type Release, startOperator, startRelay } from "./processes.ts";
import { populate, type Size } from "./population.ts";
import type { Progress } from "./progress.ts";
import { rawKeyRate } from "./raw-keys.ts";
import type { OperatorReport, Phase } from "./report.ts";
import { byKind, followWrites, type WriteLog } from "./writes.ts";
import { startBenchZone, type BenchZone } from "./zone.ts";

export interface Measuring {
  readonly size: Size;
  /** Milliseconds for which an unchanged cluster is watched. */
  readonly rest: number;
  /** How long each raw measurement takes. */
  readonly rawSeconds: number;
  /** Folder for processor profiles of the operator. */
  readonly profile?: string;
}

/** What the measurements share. */
interface Bench extends Measuring {
  readonly plane: ControlPlane;
  readonly zone: BenchZone;
  readonly release: Release;
  readonly fleet: object;
  readonly observer: Observer;
  readonly writes: WriteLog;
  readonly say: Progress["say"];
}

/** Without a write for so long, the operator is idle: longer than an Event waits for others. */
const idlePause = 6000;

/** Measures everything, one after another, on a control plane of its own that is gone afterwards. */
export async function measure(measuring: Measuring, { say }: Progress): Promise<OperatorReport> {
  const [loadBefore = 0] = loadavg();
  say("the raw key rate");
  const rawBefore = await rawKeyRate(measuring.rawSeconds);
  say("a control plane");
  // One file, however long: it is read as it grows.
  const plane = await startControlPlane({ crds: true, apiServer: ["--audit-log-maxsize=1000000"] });
  const zone = await startBenchZone();
  try {
    say(`${measuring.size.domains} domains of ${measuring.size.tenants} tenants`);
    const release = await operatorRelease(plane);
    await compile(plane);
    await populate(plane, measuring.size);
    const observer = await observe(plane);
    const user = `system:serviceaccount:${release.namespace}:posthouse-operator`;
    const writes = followWrites(plane.auditLog, user);
    const fleet = fleetOf(measuring, zone);
    const bench = { ...measuring, plane, zone, release, fleet, observer, writes, say };
    const measured = await measureAll(bench);
    await observer.close();
    return { size: measuring.size, loadBefore, rawBefore, ...measured };
  } finally {
    await zone.close();
    await plane.stop();
  }
}

async function measureAll(bench: Bench): Promise<Omit<OperatorReport, "size" | "loadBefore" | "rawBefore">> {
  const { say } = bench;
  const first = await start(bench);
  const keys = await measureKeys(bench, first);
  say("the raw key rate");
  const rawAfter = await rawKeyRate(bench.rawSeconds);
  const published = await measurePublished(bench, first);
  say("edits");
  const edits = await measureEdits(bench.plane, bench.release.namespace, { edits: 100, tenants: bench.size.tenants });
  const peakRss = first.peakRss();
  await bench.writes.quiet(Date.now(), idlePause);
  await first.stop();
  const { restart, second } = await measureRestart(bench);
  // Only now, since checks are spread over their interval from the start of a process.
  const rest = await measureRest(bench, second);
  const relay = await measureRelay(bench);
  await second.stop();
  return { keys, rawAfter, published, rest, edits: { ...edits, peakRss }, restart, relay };
}

function fleetOf({ size }: Measuring, { config }: BenchZone): object {
  // The fleet's defaults are an hour, a minute and a quarter of an hour: with fewer domains the same rate of checks.
  const interval = size.domains * 360;
  return {
    hostname: "relay.example",
    dns: {
      ...config,
      activationDelay: "0s",
      checkInterval: durationOf(interval),
      missingInterval: durationOf(interval / 60),
      missingIntervalMax: durationOf(interval / 4),
    },
  };
}

function durationOf(milliseconds: number): string {
  return `${Math.max(1, Math.round(milliseconds / 1000))}s`;
}

function start({ plane, release, fleet, profile }: Bench): Promise<BenchProcess> {
  return startOperator(plane, release, fleet, profile);
}

async function measureKeys(bench: Bench, operator: BenchProcess): Promise<OperatorReport["keys"]> {
  const { size, observer, say } = bench;
  say("the operator");
  await leads(operator);
  const startSeconds = (Date.now() - operator.startedAt) / 1000;
  const all = size.domains + size.tenants;
  const phase = await measurePhase(bench, operator, {
    counted: observer.ready,
    all,
    what: "Ready",
    since: operator.startedAt,
  });
  return { ...phase, made: size.domains, startSeconds };
}

async function measurePublished(bench: Bench, operator: BenchProcess): Promise<Phase> {
  const { observer, zone, size } = bench;
  const since = Date.now();
  for (const { status } of observer.cluster.list("SendingDomain"))
    for (const { fqdn, value } of (status as SeenStatus).records ?? []) zone.publish(fqdn, value);
  return measurePhase(bench, operator, { counted: observer.signing, all: size.domains, what: "signing", since });
}

interface Goal {
  readonly counted: Counted;
  readonly all: number;
  readonly what: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** Waits until all have come to a goal and the operator to rest. */
async function measurePhase(bench: Bench, operator: BenchProcess, goal: Goal): Promise<Phase> {
  const { counted, all, what, since } = goal;
  const processor = since === operator.startedAt ? 0 : operator.processor();
  let said = 0;
  while (counted.count() < all) {
    operator.check();
    await pause(200);
    if (Date.now() - said < 10_000) continue;
    said = Date.now();
    bench.say(`${counted.count()} of ${all} ${what}`);
  }
  bench.say(`all ${what}`);
  const idleAt = await bench.writes.quiet(counted.lastAt(), idlePause);
  const written = (await bench.writes.all()).filter(({ at }) => at >= since);
  return {
    allSeconds: (counted.lastAt() - since) / 1000,
    idleSeconds: (idleAt - since) / 1000,
    writes: written.length / bench.size.domains,
    byKind: byKind(written),
    processor: (operator.processor() - processor) / bench.size.domains,
    peakRss: operator.peakRss(),
  };
}

async function measureRest(
  { rest, writes, zone, say }: Bench,
  operator: BenchProcess,
): Promise<OperatorReport["rest"]> {
  say("until domains are checked again");
  await writes.quiet(Date.now(), idlePause);
  for (let before = zone.checks(); zone.checks() < before + 10;) await pause(200);
  say(`at rest for ${rest / 1000} s`);
  const [startedAt, processor, checked] = [Date.now(), operator.processor(), zone.checks()];
  await pause(rest);
  const seconds = (Date.now() - startedAt) / 1000;
  const written = (await writes.all()).filter(({ at }) => at >= startedAt);
  for (const [what, count] of Object.entries(byKind(written))) say(`not at rest: ${what}, ${count} times`);
  const share = (operator.processor() - processor) / 1000 / seconds;
  const checks = (zone.checks() - checked) / seconds;
  return { seconds, writes: written.length, processor: share, checks, peakRss: operator.peakRss() };
}

/**
 * Settled when every custom resource was looked at and none waits; idle when their DNS was checked too and the processor has
 * next to nothing to do: with no writes, only that tells.
 */
async function measureRestart(
  bench: Bench,
): Promise<{ readonly restart: OperatorReport["restart"]; readonly second: BenchProcess }> {
  bench.say("restart");
  const before = (await bench.writes.all()).length;
  const second = await start(bench);
  await leads(second);
  const readySeconds = (Date.now() - second.startedAt) / 1000;
  let settledAt = 0;
  let idleAt = Date.now();
  while (Date.now() - idleAt < 3000) {
    const [at, processor] = [Date.now(), second.processor()];
    await pause(settledAt === 0 ? 100 : 500);
    second.check();
    const share = (second.processor() - processor) / (Date.now() - at);
    const isIdle = await nothingWaits(second, bench.size.domains + bench.size.tenants);
    if (isIdle && settledAt === 0) settledAt = Date.now();
    if (share > 0.15 || !isIdle) idleAt = Date.now();
  }
  const written = (await bench.writes.all()).slice(before);
  for (const [what, count] of Object.entries(byKind(written))) bench.say(`written: ${what}, ${count} times`);
  const restart = {
    readySeconds,
    settledSeconds: (settledAt - second.startedAt) / 1000,
    idleSeconds: (idleAt - second.startedAt) / 1000,
    writes: written.length,
    peakRss: second.peakRss(),
  };
  return { restart, second };
}

async function measureRelay(bench: Bench): Promise<OperatorReport["relay"]> {
  bench.say("a relay");
  const { plane, release } = bench;
  const contracts = await followContracts(plane, release.namespace);
  const secrets = contracts.cluster.list("Secret").length;
  await contracts.close();
  const relay = await startRelay(plane, { ...release, kubeconfig: plane.kubeconfig }, { hostname: "relay.example" });
  while ((await relay.get("/readyz")) === undefined) {
    relay.check();
    await pause(50);
  }
  const readySeconds = (Date.now() - relay.startedAt) / 1000;
  // What comes right after readiness counts too.
  await pause(2000);
  const peakRss = relay.peakRss();
  await relay.stop();
  return { readySeconds, peakRss, secrets };
}

/** Waits until the operator has won its election. */
async function leads(operator: BenchProcess): Promise<void> {
  while ((await operator.get("/readyz"))?.includes("leading") !== true) {
    operator.check();
    await pause(50);
  }
}

/** Whether so many custom resources were worked on, and none waits or is worked on now. */
async function nothingWaits(operator: BenchProcess, most: number): Promise<boolean> {
  const page = (await operator.get("/metrics")) ?? "";
  const counts = [...page.matchAll(/^controller_runtime_reconcile_total\{.*\} ([0-9]+)$/gm)];
  const done = counts.reduce((sum, [, count]) => sum + Number(count), 0);
  const isBusy = /^(workqueue_depth|controller_runtime_active_workers)\{.*\} [1-9]/m.test(page);
  return done >= most && !isBusy;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
