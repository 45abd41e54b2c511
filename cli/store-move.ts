import { randomUUID } from "node:crypto";
import { access } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { parseStoreAddress, type StoreAddress, StoreAddressError } from "../relay/store/address.ts";
import { RecordDamaged } from "../relay/store/lmdb/checksum.ts";
import { StoreFull } from "../relay/store/spool.ts";
import { type Store, StoreUnavailable } from "../relay/store/store.ts";
import {
  counting,
  differences,
  recordKinds,
  StoreIncomplete,
  type StoreRecord,
  type Tallies,
  tallyOf,
} from "../relay/store/transfer.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Lock } from "../runtime/lock-file.ts";
import { createLogger } from "../runtime/log.ts";
import { loadFleet } from "./load-fleet.ts";
import { openStoreAt, type OpenStoreAt } from "./open-store.ts";
import { lockStore } from "./store-lock.ts";
import { planMove } from "./store-mark.ts";
import { placeOf } from "./store-place.ts";
import { exitCode, table, type Terminal, UserError } from "./terminal.ts";

export interface MoveOptions {
  readonly from: string;
  readonly to: string;
  /** Its `redis` and `durability` count for both sides. */
  readonly fleet?: string;
}

/** A store and what people call it. */
interface Side {
  readonly store: Store;
  readonly place: string;
}

interface Move {
  readonly from: Side;
  readonly to: Side;
  readonly terminal: Terminal;
}

/** Errors of the stores that say what is wrong. */
const forPeople = [StoreUnavailable, StoreFull, StoreIncomplete, RecordDamaged];
/** What lapses by itself while both sides are counted is counted on neither, milliseconds. */
const countMargin = 600_000;

/**
 * `posthouse store move FROM TO`: carries mail and ledger from one store to an empty one. May be killed at any time and run
 * again. Exit code 1 when both sides do not hold the same at the end.
 */
export async function moveStore(options: MoveOptions, terminal: Terminal): Promise<number> {
  const [from, to] = [options.from, options.to].map(readAddress);
  if (from === undefined || to === undefined || isDeepStrictEqual(from, to))
    throw new UserError("FROM and TO are the same store");
  if (from.kind === "File") await mustExist(from.path);
  const fleet = await loadFleet(options.fleet);
  const log = createLogger({ level: "silent", destination: { write: () => undefined } });
  return withSides([from, to], { fleet, log, durable: true }, (sides) => carry({ ...sides, terminal }));
}

/** Reads an address as `store` of the fleet file has it. Throws a UserError. */
export function readAddress(text: string): StoreAddress {
  try {
    return parseStoreAddress(text);
  } catch (error) {
    throw error instanceof StoreAddressError ? new UserError(`a store address ${error.message}`) : error;
  }
}

/** Throws a UserError where there is no store: what only looks or takes must not make one. */
export async function mustExist(path: string): Promise<void> {
  await access(path).catch(() => {
    throw new UserError(`there is no store in ${path}`);
  });
}

async function withSides(
  [from, to]: readonly [StoreAddress, StoreAddress],
  options: OpenStoreAt,
  run: (sides: { readonly from: Side; readonly to: Side }) => Promise<number>,
): Promise<number> {
  const locks: (Lock | undefined)[] = [];
  const stores: Store[] = [];
  const open = async (address: StoreAddress, durable: boolean): Promise<Side> => {
    locks.push(await lockStore(address));
    const { store } = await openStoreAt(address, { ...options, durable });
    stores.push(store);
    return { store, place: placeOf(address, options.fleet) };
  };
  try {
    return await run({ from: await open(from, false), to: await open(to, true) });
  } catch (error) {
    if (error instanceof Error && forPeople.some((kind) => error instanceof kind))
      throw new UserError(error.message, { cause: error });
    throw error;
  } finally {
    for (const store of stores) await store.close();
    for (const lock of locks) await lock?.release();
  }
}

async function carry({ from, to, terminal }: Move): Promise<number> {
  const begun = await beginMove(from, to);
  if (begun === undefined) {
    const state = "MovedBefore";
    terminal.out(
      terminal.json
        ? JSON.stringify({ state, source: from.place, target: to.place }, undefined, 2)
        : `${from.place} was moved to ${to.place} already`,
    );
    return exitCode.ok;
  }
  const now = systemClock.now();
  terminal.err(`${from.place} is marked as moved`);
  const { records, tallies } = counting(from.store.transfer.export(now));
  await to.store.transfer.import(telling(records, tallies, terminal), now);
  terminal.live?.("");
  const asOf = systemClock.now() + countMargin;
  const sides = await Promise.all([from, to].map(({ store }) => tallyOf(store.transfer.export(asOf))));
  const [left, right] = sides;
  if (left === undefined || right === undefined) return exitCode.failed;
  return finish({ from, to, terminal }, begun, [left, right]);
}

/** Marks both sides, and returns the id of the move; undefined when it came to its end before. */
async function beginMove(from: Side, to: Side): Promise<string | undefined> {
  const [source, target] = await Promise.all([from.store.transfer.mark(), to.store.transfer.mark()]);
  const plan = planMove({ place: from.place, mark: source }, { place: to.place, mark: target });
  if (plan.kind === "Refused") throw new UserError(plan.why);
  if (plan.kind === "Done") return undefined;
  if (plan.kind === "Resume") return plan.move;
  await mustBeEmpty(to);
  const move = plan.move ?? randomUUID();
  const at = systemClock.now();
  await from.store.transfer.setMark({ kind: "MovedTo", move, place: to.place, at });
  try {
    await mustBeIdle(from);
  } catch (error) {
    // Nothing was carried yet: relays that run go on.
    await from.store.transfer.setMark(source?.kind === "MovedTo" ? undefined : source);
    throw error;
  }
  await to.store.transfer.setMark({ kind: "ArrivingFrom", move, place: from.place, at });
  return move;
}

/** A lock tells that nobody delivers from an embedded store; of a Redis the leases do, which the mark lets nobody renew by a claim. */
async function mustBeIdle({ store, place }: Side): Promise<void> {
  const leases = await store.transfer.leases(systemClock.now());
  if (leases === undefined) return;
  const until = new Date(leases.until).toISOString();
  throw new UserError(
    `relays work on ${leases.count} deliveries of ${place}, until ${until} at the latest: stop them, and run this again`,
  );
}

async function mustBeEmpty({ store, place }: Side): Promise<void> {
  for await (const { kind } of store.transfer.export(systemClock.now())) {
    if (kind === "Time") continue;
    throw new UserError(`${place} is not empty: mail and credits of two stores cannot be told apart`);
  }
}

/** Shows how far it is: in place on a terminal, else a line for each kind. */
async function* telling(
  records: AsyncIterable<StoreRecord>,
  tallies: () => Tallies,
  terminal: Terminal,
): AsyncGenerator<StoreRecord> {
  let kind: string | undefined;
  let shown = 0;
  for await (const record of records) {
    const now = systemClock.now();
    const { count, octets } = tallies()[record.kind];
    if (terminal.live === undefined && record.kind !== kind) terminal.err(`carrying ${names[record.kind]}`);
    else if (now - shown > 100) {
      terminal.live?.(`carrying ${names[record.kind]}: ${count}${octets > 0 ? `, ${mebibytes(octets)} MiB` : ""}`);
      shown = now;
    }
    ({ kind } = record);
    yield record;
  }
}

const mebibytes = (octets: number): string => (octets / 2 ** 20).toFixed(1);

/** What people call each kind. */
export const names: Readonly<Record<StoreRecord["kind"], string>> = {
  Time: "clock",
  Usage: "credit rows",
  KeyUse: "API keys in use",
  Rate: "rates",
  Billed: "billed ids",
  Capture: "captures",
  Message: "messages",
};

async function finish(
  { from, to, terminal }: Move,
  id: string,
  [left, right]: readonly [Tallies, Tallies],
): Promise<number> {
  const wrong = differences(left, right);
  const state = wrong.length === 0 ? "Moved" : "Different";
  if (terminal.json) terminal.out(JSON.stringify({ state, from: left, to: right, differences: wrong }, undefined, 2));
  else {
    const rows = recordKinds.map((kind) => [
      names[kind],
      String(left[kind].count),
      String(right[kind].count),
      wrong.includes(kind) ? "DIFFERENT" : "same",
    ]);
    terminal.out(table([["", "FROM", "TO", ""], ...rows]).join("\n"));
  }
  if ((await from.store.transfer.mark())?.move !== id) {
    terminal.err(
      `the mark of ${from.place} was taken away meanwhile: relays may have sent from it what was carried; empty ${to.place} and run this again`,
    );
    return exitCode.failed;
  }
  if (wrong.length > 0) {
    terminal.err(
      `both sides do not hold the same: did something run on one of them? ${to.place} cannot be run on; empty it and run this again`,
    );
    return exitCode.failed;
  }
  await to.store.transfer.setMark({ kind: "ArrivedFrom", move: id, place: from.place, at: systemClock.now() });
  terminal.err(`${to.place} has everything: name it in store of the fleet file. ${from.place} is left as it is`);
  return exitCode.ok;
}
