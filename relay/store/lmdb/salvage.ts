import type { Database, Key } from "lmdb";
import { link, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../../runtime/log.ts";
import { problemList, type StoreReport } from "../check.ts";
import { highestOf } from "../usage-row.ts";
import { type FoundRecord, openFile, readRecords } from "./check.ts";
import { captureCountKey, capturedSize, countCaptured } from "./capture-octets.ts";
import { indexKey } from "./captures.ts";
import { advance } from "./clock-row.ts";
import { dueKey, insert, keysOf } from "./deliveries.ts";
import { type Environment, openEnvironment } from "./environment.ts";
import { inventory, type Inventory } from "./inventory.ts";
import type { Verified } from "./record.ts";
import { weightOf } from "./room.ts";
import { countSpooled } from "./spooled.ts";
import type { Tables } from "./tables.ts";

export interface Salvage {
  /** The folder of the store. Nobody may have it open. */
  readonly folder: string;
  readonly now: number;
  readonly log: Logger;
}

export interface Salvaged extends StoreReport {
  /** Where the damaged file is now. */
  readonly setAside: string;
  /** Messages and captures that the new file lacks, or of which it lacks a part. */
  readonly missing: readonly string[];
}

const stride = { records: 500, octets: 8 * 2 ** 20 };
/** No clock of a relay was further ahead than that, milliseconds: a later time in the file is damage. */
const mostAhead = 86_400_000;

/**
 * Makes a new file of everything that can be read of a damaged one, and puts it in its place; the damaged one stays beside
 * it. Indexes and counters are made anew, leases are gone. When it rejects, for want of room too, everything is as it was.
 */
export async function salvageLmdb({ folder, now, log }: Salvage): Promise<Salvaged> {
  const fresh = join(folder, "salvage.unfinished");
  await rm(fresh, { recursive: true, force: true });
  const list = problemList();
  const found = inventory();
  try {
    const environment = await openEnvironment(fresh, log);
    let missing: readonly string[];
    try {
      missing = await fill(environment, { folder, now, found, problem: list.add });
    } finally {
      await environment.close();
    }
    for (const problem of found.problems()) list.add(problem);
    const setAside = join(folder, `data.mdb.damaged-${new Date(now).toISOString().replaceAll(/[:.]/g, "-")}`);
    // The damaged file has two names for a moment: at no time there is none in its place.
    await link(join(folder, "data.mdb"), setAside);
    // Whoever still looks into the damaged file tells the others its number of the last transaction: not those of the new one.
    await rm(join(folder, "lock.mdb"), { force: true });
    await rename(join(fresh, "data.mdb"), join(folder, "data.mdb"));
    await sync(folder);
    return { ...list.report(found.counts()), setAside, missing };
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

interface Filling {
  readonly folder: string;
  readonly now: number;
  readonly found: Inventory;
  readonly problem: ReturnType<typeof problemList>["add"];
}

/** Returns what is missing. */
async function fill(environment: Environment, { folder, now, found, problem }: Filling): Promise<readonly string[]> {
  const damaged = new Set<string>();
  const opened = openFile(folder);
  const reading = {
    found,
    problem(one: Parameters<typeof problem>[0]) {
      if (one.id !== "") damaged.add(one.id);
      problem(one);
    },
  };
  try {
    let batch: FoundRecord[] = [];
    let octets = 0;
    const flush = (records: readonly FoundRecord[]): Promise<void> =>
      environment.write((tables) => records.forEach((one) => put(tables, one, now)), weightOf(records.length, octets));
    for (const one of readRecords(opened, reading)) {
      batch.push(one);
      octets += one.record.table === "contents" || one.record.table === "captured" ? one.record.value.byteLength : 0;
      if (batch.length < stride.records && octets < stride.octets) continue;
      await flush(batch);
      batch = [];
      octets = 0;
    }
    await flush(batch);
  } finally {
    opened.close();
  }
  const incomplete = await complete(environment, found);
  return [...new Set([...damaged, ...incomplete])].toSorted();
}

/** Writes one record; a stray one only where there is none of its key, or to raise what was spent. Inside a write transaction only. */
function put(tables: Tables, { record, stray }: FoundRecord, now: number): void {
  const { table } = record;
  if (table === "due" || table === "captures-by-environment" || table === "spooled") return;
  if (table === "capture-octets") return;
  if (table === "deliveries") putDelivery(tables, record, stray);
  else if (table === "octets") {
    write(tables.contents, record, true);
    write(tables.captured, record, true);
  } else if (table === "usage") putUsage(tables, record, stray);
  else if (table === "key-uses") write(tables.keyUses, record, stray);
  else if (table !== "meta") write<unknown, string>(tables[table], record, stray);
  else if (record.key === "time" && record.value <= now + mostAhead) advance(tables, record.value);
}

function write<V, K extends Key>(
  table: Pick<Database<V, K>, "doesExist" | "putSync">,
  { key, value }: { readonly key: K; readonly value: V },
  stray: boolean,
): void {
  if (!stray || !table.doesExist(key)) table.putSync(key, value);
}

/** Of two rows the one that a tree leads to may be the older: no credit is given twice. */
function putUsage({ usage }: Tables, { key, value }: Extract<Verified, { table: "usage" }>, stray: boolean): void {
  const there = stray ? usage.get(key) : undefined;
  usage.putSync(key, there === undefined ? value : highestOf(there, value));
}

function putDelivery(tables: Tables, { key, value }: Extract<Verified, { table: "deliveries" }>, stray: boolean): void {
  if (stray && tables.deliveries.doesExist(key)) return;
  const { leaseUntil: _, ...free } = value;
  insert(tables, key, { ...free, token: free.token + 1 });
}

/** Takes out what is not whole, and makes indexes and counters of the rest. Returns the ids of what is not whole. */
async function complete(environment: Environment, found: Inventory): Promise<readonly string[]> {
  const missing: string[] = [];
  let ids: string[] = [];
  const settle = async (): Promise<void> => {
    const taken = ids;
    ids = [];
    const lacking = await environment.write((tables) => taken.filter((id) => !settleId(tables, found, id)));
    missing.push(...lacking);
  };
  for (const id of found.ids()) {
    ids.push(id);
    if (ids.length === stride.records) await settle();
  }
  await settle();
  await environment.write(({ meta }) => {
    meta.putSync("spooled", 1);
    meta.putSync("captured", 1);
  });
  return missing;
}

/** Whether all that was found of an id is whole. Inside a write transaction only. */
function settleId(tables: Tables, found: Inventory, id: string): boolean {
  const { message, capture, partly } = found.whole(id);
  const envelope = tables.envelopes.get(id);
  const content = tables.contents.get(id);
  const isMessage = message && envelope !== undefined && content?.byteLength === envelope.size;
  if (isMessage) countSpooled(tables, envelope, 1);
  else removeMessage(tables, id);
  const kept = tables.captures.get(id);
  const isCapture = capture && kept !== undefined;
  if (isCapture) {
    tables.capturesByEnvironment.putSync(indexKey(kept), 0);
    countCaptured(tables, captureCountKey(kept), capturedSize(tables, id));
  } else {
    tables.captures.removeSync(id);
    tables.captured.removeSync(id);
  }
  return (isMessage || !partly.message) && (isCapture || !partly.capture);
}

function removeMessage(tables: Tables, id: string): void {
  for (const key of keysOf(tables, id, Number.MAX_SAFE_INTEGER)) {
    const row = tables.deliveries.get(key);
    if (row !== undefined) tables.due.removeSync(dueKey(key, row));
    tables.deliveries.removeSync(key);
  }
  tables.envelopes.removeSync(id);
  tables.contents.removeSync(id);
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync();
  await handle.close();
}
