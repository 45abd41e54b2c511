/**
 * What one tenant's flood does to another: `node test/bench/flood.ts [--seconds N] [--rounds N]`. A tenant sends steadily,
 * in turn alone and beside one whose credential is at ten times its rate, on the same relay; told is how far its latency moves.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { DomainContract } from "../../contract/domain-contract.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import { keyOf, plainOf, shop } from "../harness/submission.ts";
import type { LoadResult } from "./load.ts";
import { processorTime } from "./processor-time.ts";
import { startFront } from "./relays.ts";
import { runLoad } from "./run-load.ts";

/** Rates are messages a second, latencies milliseconds. */
export interface FloodReport {
  /** The rate of the credential that floods, and what it sends. */
  readonly limit: number;
  readonly sent: number;
  /** What became of the flood, all rounds together. */
  readonly accepted: number;
  readonly refused: number;
  /** Of the other tenant, the median of the rounds. */
  readonly quiet: Measured;
  readonly flooded: Measured;
  /** The p99 of each round, alone and beside the flood. */
  readonly rounds: readonly (readonly [quiet: number, flooded: number])[];
}

/** Latencies, and how busy the relay was: the part of one core. */
export interface Measured {
  readonly p50: number;
  readonly p99: number;
  readonly busy: number;
}

export interface FloodOptions {
  /** Where the store goes. */
  readonly folder: string;
  /** Of each measurement; there are two in a round. */
  readonly seconds: number;
  readonly rounds: number;
  /** Messages a second of the tenant that is looked at, over 20 connections. */
  readonly steady: number;
  /** Recipients a second of the other one's credential. It sends ten times as many, over 20 connections. */
  readonly limit: number;
}

/** Seconds. */
const headStart = 3;
const names = { shop: "production00", loud: "loudloud0000" } as const;

function tenant(name: keyof typeof names): TenantContract {
  const [production] = shop.environments;
  const [credential] = production?.credentials ?? [];
  if (production === undefined || credential === undefined) throw new Error("no environment to copy");
  const credentials = [{ ...credential, id: names[name] }];
  return {
    ...shop,
    name,
    allowance: { credits: { type: "OneTime", amount: 1e9 }, topUps: [] },
    environments: [{ ...production, domains: [`${name}.example`], credentials }],
  };
}

function claim(name: string): DomainContract {
  const held = { namespace: shop.namespace, name };
  return { version: 1, domain: `${name}.example`, claim: held, tenant: name, keys: [], provenAt: 1 };
}

/** Measures in rounds, because whatever else runs on the machine moves latencies too. */
export async function measureFlood(options: FloodOptions): Promise<FloodReport> {
  const { folder, seconds, limit, steady } = options;
  const rates = { credential: { perSecond: limit } };
  const tenants = [tenant("shop"), { ...tenant("loud"), rates }];
  const relay = await startFront(join(folder, "front"), { tenants, domains: [claim("shop"), claim("loud")] });
  const load = (name: keyof typeof names, rate: number, length: number): Promise<LoadResult> =>
    runLoad({
      port: relay.port,
      plain: plainOf(keyOf(names[name])),
      sender: `orders@${name}.example`,
      recipients: ["anna@friend.example"],
      sessions: 20,
      reuse: true,
      maxMessages: 200_000,
      rate,
      seconds: length,
    });
  try {
    await load("shop", steady, 2);
    const measure = async (): Promise<Measured & LoadResult> => {
      const [start, before] = [performance.now(), processorTime(relay.pid)];
      const result = await load("shop", steady, seconds);
      return { ...result, busy: (processorTime(relay.pid) - before) / (performance.now() - start) };
    };
    const rounds: { readonly alone: Measured; readonly beside: Measured; readonly flood: LoadResult }[] = [];
    for (let i = 0; i < options.rounds; i++) {
      const alone = await measure();
      // The flood is going before anything is measured, and goes on until that is over: its start costs more than itself.
      const flooding = load("loud", limit * 10, seconds + 2 * headStart);
      await sleep(headStart * 1000);
      const beside = await measure();
      const flood = await flooding;
      if (alone.refused + beside.refused > 0) throw new Error("messages of the steady tenant were refused");
      rounds.push({ alone, beside, flood });
    }
    return {
      limit,
      sent: limit * 10,
      accepted: sum(rounds.map(({ flood }) => flood.accepted)),
      refused: sum(rounds.map(({ flood }) => flood.refused)),
      quiet: middle(rounds.map(({ alone }) => alone)),
      flooded: middle(rounds.map(({ beside }) => beside)),
      rounds: rounds.map(({ alone, beside }) => [alone.p99, beside.p99]),
    };
  } finally {
    await relay.stop();
  }
}

function middle(results: readonly Measured[]): Measured {
  const of = (name: keyof Measured): number => median(results.map((result) => result[name]));
  return { p50: of("p50"), p99: of("p99"), busy: of("busy") };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "5" },
      rounds: { type: "string", default: "5" },
      steady: { type: "string", default: "200" },
      limit: { type: "string", default: "100" },
    },
  });
  const cache = new URL("../../.cache/", import.meta.url).pathname;
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(`${cache}flood-`);
  try {
    const given = Object.entries(values).map(([name, value]) => [name, Math.max(1, Number(value) || 1)]);
    const report = await measureFlood({ folder, ...(Object.fromEntries(given) as Omit<FloodOptions, "folder">) });
    console.log(JSON.stringify(report));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
