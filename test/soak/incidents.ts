/**
 * What happens to a fleet while it works, step by step, and the notes of it.
 *
 * The roll-over. Nobody can wait for midnight, and to set every clock forward would end every lease at once. Which
 * period it is says the store's clock, the highest time that any relay told it: so a relay whose clock is the first to
 * pass midnight opens the new day for all. That relay is played here: in one step, which no message comes between, the
 * ledger's row is read and the store's clock is told the next midnight. The relays find that out as they always do,
 * by the answer to the next message. (A changed `reset` opens a period too, but at another moment in each relay.)
 */
import { setTimeout as sleep } from "node:timers/promises";
import { periodOf } from "../../contract/credits.ts";
import { until } from "../harness/until.ts";
import type { Evidence, MemorySeries, Outage } from "./evidence.ts";
import type { Fleet } from "./fleet.ts";
import { edited, manifestsOf, namespace, type Terms } from "./manifests.ts";
import type { Incident, Step } from "./plan.ts";

/** Milliseconds. */
const timing = { probe: 250, slow: 1000, quiet: 3000, restart: 60_000 };

/** What is noted while it runs. */
export interface Seen {
  readonly told: Evidence["told"][number][];
  readonly kills: Evidence["kills"][number][];
  readonly outages: Evidence["outages"][number][];
  readonly died: string[];
  /** By relay and process id. */
  readonly memory: Map<string, MemorySeries["samples"][number][]>;
  /** What was spent of periods that are over. */
  readonly rolledOver: { readonly tenant: string; readonly period: string; readonly used: number }[];
  edits: number;
}

export interface Running {
  readonly fleet: Fleet;
  /** Aborted to end at once. */
  readonly signal: AbortSignal;
  readonly seen: Seen;
  readonly terms: { current: Terms };
}

/** Plays the steps, each at its time; what concerns Redis one after the other. */
export async function playSteps(steps: readonly Step[], begun: number, running: Running): Promise<void> {
  const tasks: Promise<void>[] = [];
  let redisIsDone = Promise.resolve();
  for (const step of steps) {
    await sleep(Math.max(0, begun + step.at - Date.now()), undefined, { signal: running.signal });
    const isOfRedis = ["RestartRedis", "PauseRedis", "RollOver"].includes(step.kind);
    const task = isOfRedis ? redisIsDone.then(() => play(step, running)) : play(step, running);
    if (isOfRedis) redisIsDone = task;
    tasks.push(task);
    // Told at the end, not as a rejection that nobody handles.
    task.catch(() => undefined);
  }
  await Promise.all(tasks);
}

async function play(incident: Incident, running: Running): Promise<void> {
  const { fleet, seen, terms } = running;
  switch (incident.kind) {
    case "KillRelay": {
      const relay = fleet.relays[incident.relay];
      if (relay?.running() === undefined) return;
      seen.kills.push({ relay: relay.name, at: Date.now() });
      await relay.kill();
      return relay.start(timing.restart);
    }
    case "RestartRedis":
      return away(running, "Restarted", async () => {
        await (incident.signal === "SIGKILL" ? fleet.redis.kill() : fleet.redis.stop());
        await fleet.redis.start();
      });
    case "PauseRedis":
      return away(running, "Paused", async () => {
        fleet.redis.pause();
        await sleep(incident.length);
        fleet.redis.resume();
      });
    case "Edit":
      terms.current = edited(terms.current, incident.edit);
      seen.edits += 1;
      return fleet.write(manifestsOf(terms.current));
    case "RollOver":
      return rollOver(running);
  }
}

/** Asks Redis again and again how it is: on a busy machine it may keep everybody waiting by itself. */
export async function probeRedis({ fleet, seen }: Running, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const from = Date.now();
    await fleet.redis.ask("PING").catch(() => undefined);
    const answered = Date.now();
    if (answered - from >= timing.slow) seen.outages.push({ kind: "Slow", from, until: answered });
    await sleep(timing.probe);
  }
}

async function away({ fleet, seen }: Running, kind: Outage["kind"], trip: () => Promise<void>): Promise<void> {
  const open = { kind, from: Date.now(), until: Number.MAX_SAFE_INTEGER };
  seen.outages.push(open);
  await trip();
  await until("Redis answers", async () =>
    (await fleet.redis.ask("PING").catch(() => undefined)) === "PONG" ? true : undefined,
  );
  open.until = Date.now();
}

/** Reads what was spent today and opens tomorrow, in one step; not while messages of an outage may still be taken back. */
async function rollOver({ fleet, seen }: Running): Promise<void> {
  await sleep(timing.quiet);
  const tomorrow = periodOf({ type: "Recurring", amount: 0, reset: "Daily" }, Date.now()).endsAt ?? 0;
  const script =
    "local row = redis.call('HMGET', KEYS[1], 'period', 'used') redis.call('SET', KEYS[2], ARGV[1]) return row";
  const tenant = `${namespace}/daily`;
  const row = await fleet.redis.ask("EVAL", script, 2, `posthouse:usage:${tenant}`, "posthouse:clock", tomorrow);
  const [period, used] = Array.isArray(row) ? row.map(String) : [];
  if (period !== undefined) seen.rolledOver.push({ tenant, period, used: Number(used) });
}
