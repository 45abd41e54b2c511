/**
 * One soak: a fleet, load and trouble, then quiet until nothing waits any more. Gives what was seen; {@link judge} says what
 * that proves.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { startLineProcess } from "../harness/line-process.ts";
import { openRedisStore } from "../harness/redis-store.ts";
import { seededRandom } from "../harness/seeded-random.ts";
import { until } from "../harness/until.ts";
import { type Clients, startClients } from "./clients.ts";
import type { Copy, Evidence, Kept, Spent } from "./evidence.ts";
import { readTold } from "./events.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { playSteps, probeRedis, type Running, type Seen } from "./incidents.ts";
import { claims, firstTerms, manifestsOf, namespace, secretOf, senders } from "./manifests.ts";
import { beforeMidnight, planOf } from "./plan.ts";

export interface SoakOptions {
  /** Milliseconds of load. */
  readonly length: number;
  readonly seed: number;
  readonly relays: number;
  /** Connections of clients. */
  readonly connections: number;
  /** Milliseconds that the receiving server thinks a message over: the longer, the more are under way when a relay is killed. */
  readonly thinking?: number;
  /** Aborted to end at once. */
  readonly signal: AbortSignal;
  /** Called about twice a second. */
  readonly onProgress: (progress: Progress) => void;
}

export interface Progress {
  readonly phase: "starting" | "load" | "draining";
  /** Milliseconds since the load began. */
  readonly at: number;
  readonly accepted: number;
  readonly copies: number;
  readonly kills: number;
  readonly outages: number;
}

/** What was seen, and what became of submissions that were not accepted. */
export interface Soaked {
  readonly evidence: Evidence;
  readonly refusals: ReadonlyMap<string, number>;
  readonly edits: number;
  /** Milliseconds from the end of the load until nothing waited. */
  readonly drained: number;
}

/** Milliseconds. */
const timing = {
  sample: 1000,
  progress: 500,
  probe: 250,
  slow: 1000,
  quiet: 3000,
  restart: 60_000,
  reply: 15_000,
  drain: 90_000,
};

/** Runs one soak, and ends everything that it started. Rejects with the signal's reason when that is aborted. */
export async function soak(options: SoakOptions): Promise<Soaked> {
  const seen: Seen = { told: [], kills: [], outages: [], died: [], memory: new Map(), rolledOver: [], edits: 0 };
  const sink = startLineProcess([process.execPath, sinkProgram, String(options.seed), String(options.thinking ?? 0)]);
  try {
    const port = Number((await sink.saw(/^listening/)).split(" ")[1]);
    const terms = { current: firstTerms(options.length, options.connections) };
    const fleet = await startFleet({
      relays: options.relays,
      lease: "6s",
      sink: port,
      manifests: manifestsOf(terms.current),
      onOutput: (relay, output) => seen.told.push(...readTold(relay, output)),
    });
    try {
      const found = await trouble({
        fleet,
        options,
        seen,
        terms,
        signal: options.signal,
        copies: () => sink.lines.length - 1,
      });
      await fleet.close();
      return { ...found, evidence: evidenceOf(found, sink.lines.slice(1).map(readCopy), seen, options.length) };
    } finally {
      await fleet.close();
    }
  } finally {
    await sink.kill();
  }
}

const sinkProgram = new URL("sink.ts", import.meta.url).pathname;

function readCopy(line: string): Copy {
  return JSON.parse(line) as Copy;
}

/** A soak under way. */
interface Whole extends Running {
  readonly options: SoakOptions;
  /** Messages that arrived so far. */
  readonly copies: () => number;
}

interface Found extends Omit<Soaked, "evidence"> {
  readonly submissions: Evidence["submissions"];
  readonly kept: readonly Kept[];
  readonly spent: readonly Spent[];
  readonly waiting: number;
}

/** Load and incidents, then the drain; what the store says at the end. */
async function trouble(running: Whole): Promise<Found> {
  const { fleet, options, seen } = running;
  const { signal, length, seed, relays, connections } = options;
  const random = seededRandom(seed);
  const secret = (name: string) => fleet.secret(namespace, name);
  await Promise.all(claims.map((name) => fleet.prove(namespace, name)));
  await until("every credential is there", async () =>
    senders.every((one) => secret(secretOf(one))) ? true : undefined,
  );
  if (toMidnight() < beforeMidnight) await sleep(toMidnight(), undefined, { signal });
  signal.throwIfAborted();

  const begun = Date.now();
  const plan = planOf({ length, relays, midnight: toMidnight(), random });
  const clients = startClients({ relays: fleet.relays, secret, connections, random });
  const phase = { now: "load" as Progress["phase"] };
  const watching = watch(running, clients, { begun, phase });
  const probing = new AbortController();
  const probed = probeRedis(running, probing.signal);
  try {
    await playSteps(plan.steps, begun, running);
    await sleep(Math.max(0, begun + length - Date.now()), undefined, { signal });
    await clients.stop(timing.reply);
    phase.now = "draining";
    const ended = Date.now();
    const waiting = await drain(fleet, signal);
    const store = await readStore(running);
    return {
      ...store,
      submissions: clients.submissions,
      refusals: clients.refusals,
      edits: seen.edits,
      waiting,
      drained: Date.now() - ended,
    };
  } finally {
    clearInterval(watching);
    probing.abort();
    await Promise.all([clients.stop(0), probed]);
  }
}

/** Milliseconds until the next midnight, when the period of a daily allowance ends by itself. */
function toMidnight(): number {
  return day - (Date.now() % day);
}

const day = 86_400_000;

/** Samples memory, and tells how far it is. */
function watch(
  { fleet, options, seen, copies }: Whole,
  clients: Clients,
  { begun, phase }: { readonly begun: number; readonly phase: { readonly now: Progress["phase"] } },
): NodeJS.Timeout {
  let sampled = 0;
  return setInterval(() => {
    const at = Date.now() - begun;
    options.onProgress({
      phase: phase.now,
      at,
      accepted: clients.submissions.filter(({ reply }) => reply?.startsWith("250") === true).length,
      copies: copies(),
      kills: seen.kills.length,
      outages: seen.outages.filter(({ kind }) => kind !== "Slow").length,
    });
    if (at - sampled < timing.sample) return;
    sampled = at;
    sampleAll(fleet, seen, at);
  }, timing.progress);
}

function sampleAll({ up, relays }: Fleet, seen: Seen, at: number): void {
  for (const relay of [up, ...relays]) {
    const pid = relay.running()?.pid;
    if (pid === undefined) continue;
    const name = `${relay.name} (${pid})`;
    const octets = anonymousMemory(pid);
    if (octets === undefined && !seen.died.includes(name)) seen.died.push(name);
    const samples = seen.memory.get(name) ?? [];
    if (octets !== undefined) samples.push({ at, octets });
    seen.memory.set(name, samples);
  }
}

/** Octets that a process cannot give back, or undefined when it is gone. */
function anonymousMemory(pid: number): number | undefined {
  try {
    const kib = /^RssAnon:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}

/** Waits until nothing waits. Returns how many deliveries still do when the time is over. */
async function drain(fleet: Fleet, signal: AbortSignal): Promise<number> {
  const deadline = Date.now() + timing.drain;
  for (;;) {
    const waiting = Number(await fleet.redis.ask("ZCARD", "posthouse:due"));
    if (waiting === 0 || Date.now() > deadline) return waiting;
    await sleep(200, undefined, { signal });
  }
}

/** What the store itself tells, by its ports. */
async function readStore({
  fleet,
  seen,
  terms,
}: Running): Promise<{ readonly kept: readonly Kept[]; readonly spent: readonly Spent[] }> {
  const store = await openRedisStore(fleet.redis.url);
  try {
    const captures = await store.captures.list(100_000);
    const kept = captures.map(({ envelope, recipients }) => ({
      token: envelope.messageId,
      recipients: recipients.map(({ address }) => address),
    }));
    const limits: Readonly<Record<string, number>> = { daily: terms.current.daily, once: terms.current.once };
    const spent: Spent[] = [];
    for (const name of ["open", "daily", "once"]) {
      const tenant = `${namespace}/${name}`;
      const usage = await store.ledger.usage(tenant);
      const past = seen.rolledOver.filter((row) => row.tenant === tenant && row.period !== usage?.period);
      const limit = limits[name] === undefined ? {} : { limit: limits[name] };
      for (const { period, used } of [...past, ...(usage ? [usage] : [])])
        spent.push({ tenant, pool: period, used, ...limit });
      for (const [topUp, used] of Object.entries(usage?.topUpsUsed ?? {}))
        spent.push({ tenant, pool: `+${topUp}`, used, limit: terms.current.topUp });
    }
    return { kept, spent };
  } finally {
    await store.close();
  }
}

function evidenceOf(found: Found, copies: readonly Copy[], seen: Seen, length: number): Evidence {
  const { submissions, kept, spent, waiting } = found;
  const { told, kills, outages, died } = seen;
  const memory = [...seen.memory]
    .map(([process, samples]) => ({ process, samples }))
    // A process that was started late is still warming up.
    .filter(({ samples }) => (samples[0]?.at ?? length) <= length * 0.4 && (samples.at(-1)?.at ?? 0) >= length * 0.9);
  return { submissions, copies, told, kept, kills, outages, spent, memory, died, waiting };
}
