import { describeStoreAddress, type StoreAddress } from "../relay/store/address.ts";
import type { StoreCounts, StoreProblem, StoreReport } from "../relay/store/check.ts";
import { StoreFull } from "../relay/store/spool.ts";
import { StoreUnavailable } from "../relay/store/store.ts";
import { systemClock } from "../runtime/clock.ts";
import { createLogger } from "../runtime/log.ts";
import type { Fleet } from "./fleet.ts";
import { loadFleet } from "./load-fleet.ts";
import { storeAddressOf } from "./open-store.ts";
import { lockStore } from "./store-lock.ts";
import { mustExist, readAddress } from "./store-move.ts";
import { exitCode, table, type Terminal, UserError } from "./terminal.ts";

type FileAddress = Extract<StoreAddress, { readonly kind: "File" }>;
type RedisAddress = Exclude<StoreAddress, FileAddress>;

export interface CheckOptions {
  /** The store of the fleet file, or of the state folder, when absent. */
  readonly address?: string | undefined;
  readonly state: string;
  readonly fleet?: string;
  /** Make a new file of what can be read of a damaged one; in a Redis, count anew. */
  readonly repair: boolean;
}

/** What is printed as JSON. */
export interface CheckResult extends StoreReport {
  readonly store: string;
  /** Of a repair: where the damaged file is now, and what the new one lacks. */
  readonly setAside?: string;
  readonly missing?: readonly string[];
  /** Of a repair in a Redis: how many counters are right now. */
  readonly repaired?: number;
}

/** `posthouse store check [ADDRESS]`: verifies a store, also while relays run on it. Exit code 1 when something is wrong. */
export async function checkStore(options: CheckOptions, terminal: Terminal): Promise<number> {
  const fleet = await loadFleet(options.fleet);
  const address = options.address === undefined ? storeAddressOf(fleet, options.state) : readAddress(options.address);
  const isRedis = address.kind !== "File";
  const result = await (
    isRedis ? checkOfRedis(address, fleet, options.repair) : checkOfFile(address, options.repair)
  ).catch(toUserError);
  show(result, isRedis, terminal);
  if (result.problems.length === 0) return exitCode.ok;
  if (isRedis && options.repair && result.repaired !== result.problems.length + result.more)
    throw new UserError("--repair counts anew in a Redis; what else is wrong is told, and left alone");
  return exitCode.failed;
}

async function checkOfRedis(address: RedisAddress, fleet: Fleet, mayRepair: boolean): Promise<CheckResult> {
  const log = createLogger({ level: "silent", destination: { write: () => undefined } });
  const { checkRedisAt } = await import("./fleet-redis.ts");
  const { repaired, ...report } = await checkRedisAt(address, { fleet, log, repair: mayRepair });
  return { store: describeStoreAddress(address), ...report, ...(mayRepair && { repaired }) };
}

async function checkOfFile(address: FileAddress, mayRepair: boolean): Promise<CheckResult> {
  await mustExist(address.path);
  const { checkLmdb } = await import("../relay/store/lmdb/check.ts");
  const report = checkLmdb(address.path);
  const repaired = mayRepair && report.problems.length > 0 ? await repair(address) : {};
  return { store: describeStoreAddress(address), ...report, ...repaired };
}

function toUserError(error: unknown): never {
  if (error instanceof StoreUnavailable || error instanceof StoreFull)
    throw new UserError(error.message, { cause: error });
  throw error;
}

async function repair(address: FileAddress): Promise<Pick<CheckResult, "setAside" | "missing">> {
  const lock = await lockStore(address);
  try {
    const log = createLogger({ level: "silent", destination: { write: () => undefined } });
    const { salvageLmdb } = await import("../relay/store/lmdb/salvage.ts");
    const { setAside, missing } = await salvageLmdb({ folder: address.path, now: systemClock.now(), log });
    return { setAside, missing };
  } finally {
    await lock?.release();
  }
}

function countRows(counts: StoreCounts): readonly (readonly string[])[] {
  return [
    ["queued messages", String(counts.messages)],
    ["octets of them", String(counts.octets)],
    ["deliveries", String(counts.deliveries)],
    ["captures", String(counts.captures)],
    ["tenants with credit rows", String(counts.tenants)],
    ["API keys in use", String(counts.apiKeys)],
    ["rates", String(counts.rates)],
    ["billed ids", String(counts.billed)],
  ];
}

type Advice = Readonly<Record<StoreProblem["kind"], string>>;

const advice: Advice = {
  Damaged: "stop posthouse up: its next start sets the file aside and keeps what can be read",
  Orphan: "it cannot be delivered: tell its sender; the events say who that is",
  Index: "stop posthouse up: its next start makes the index anew",
  Counter: "stop posthouse up: its next start counts anew",
};
const adviceOnRedis: Advice = {
  ...advice,
  Damaged: "Redis altered it: verify its file with redis-check-aof, and restore it from a backup if that finds nothing",
  Index: "restore Redis from a backup",
  Counter: "what it counts is off by the difference: posthouse store check --repair counts anew",
};

function show(result: CheckResult, isRedis: boolean, terminal: Terminal): void {
  if (terminal.json) {
    terminal.out(JSON.stringify(result));
    return;
  }
  terminal.out(result.store);
  terminal.out(table(countRows(result.counts)).join("\n"));
  const rows = result.problems.map(({ kind, id, what }) => [
    kind,
    id,
    what,
    isRedis ? adviceOnRedis[kind] : advice[kind],
  ]);
  terminal.out(
    rows.length === 0 ? "no problems" : table([["PROBLEM", "ID", "WHAT", "WHAT TO DO"], ...rows]).join("\n"),
  );
  if (result.more > 0) terminal.out(`and ${result.more} more`);
  if (result.repaired !== undefined && result.repaired > 0)
    terminal.out(`counters that are right again: ${result.repaired}`);
  if (result.setAside === undefined) return;
  terminal.out(`the damaged file is ${result.setAside}; what can be read of it is in a new one`);
  const { missing = [] } = result;
  if (missing.length > 0) terminal.out(`missing, in whole or in part: ${missing.join(" ")}`);
}
