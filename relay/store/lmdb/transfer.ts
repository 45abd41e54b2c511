import type { Database, Key } from "lmdb";
import { lapsesAt } from "../../../contract/rates.ts";
import {
  batches,
  billedFor,
  type CarriedDelivery,
  type MoveMark,
  StoreIncomplete,
  type StoreRecord,
  type Transfer,
} from "../transfer.ts";
import { inOrder } from "../usage-row.ts";
import { keep } from "./captures.ts";
import { RecordDamaged } from "./checksum.ts";
import { advance } from "./clock-row.ts";
import { insert } from "./deliveries.ts";
import type { Environment } from "./environment.ts";
import { readMarkFile, writeMarkFile } from "./mark-file.ts";
import { weightOf } from "./room.ts";
import { countSpooled } from "./spooled.ts";
import type { Tables } from "./tables.ts";

/** Rows that are looked at in one go. */
const stride = 500;
const limits = { records: 500, octets: 8 * 2 ** 20 };
/** The one row of the table of marks. */
const markKey = "move";

/** Carries a store that lies in LMDB. `folder`: where its file is. */
export function lmdbTransfer(environment: Environment, folder: string): Transfer {
  return {
    export: (now) => exportAll(environment, now),
    async import(records) {
      for await (const batch of batches(records, limits)) {
        const octets = batch.reduce((sum, one) => sum + ("content" in one ? one.content.byteLength : 0), 0);
        await environment.write(
          (tables) => batch.forEach((record) => take(tables, record)),
          weightOf(batch.length, octets),
        );
      }
    },
    async leases(now) {
      let count = 0;
      let until = 0;
      for await (const [, { leaseUntil = 0 }] of rowsOf(() => environment.tables().deliveries)) {
        if (leaseUntil <= now) continue;
        count += 1;
        until = Math.max(until, leaseUntil);
      }
      return count === 0 ? undefined : { count, until };
    },
    async mark() {
      return (await readMarkFile(folder)) ?? markIn(environment.tables());
    },
    async setMark(mark) {
      // At no time the table has a mark that is newer than that of the file.
      if (mark !== undefined) await writeMarkFile(folder, mark);
      await environment.write(({ marks }) => {
        if (mark === undefined) marks.removeSync(markKey);
        else marks.putSync(markKey, mark);
      });
      if (mark === undefined) await writeMarkFile(folder, undefined);
    },
  };
}

/** The mark in the table; undefined also where it is damaged. */
function markIn({ marks }: Tables): MoveMark | undefined {
  try {
    return marks.get(markKey);
  } catch (error) {
    if (error instanceof RecordDamaged) return undefined;
    throw error;
  }
}

/** All rows of a table, read in strides: no snapshot is held between two of them. */
export async function* rowsOf<V, K extends Key>(table: () => Database<V, K>): AsyncGenerator<readonly [K, V]> {
  let from: { readonly start?: K; readonly exclusiveStart?: boolean } = {};
  for (;;) {
    const rows = [...table().getRange({ ...from, limit: stride })];
    for (const { key, value } of rows) yield [key, value];
    const last = rows.at(-1);
    if (last === undefined || rows.length < stride) return;
    from = { start: last.key, exclusiveStart: true };
  }
}

async function* exportAll(environment: Environment, now: number): AsyncGenerator<StoreRecord> {
  const tables = (): Tables => environment.tables();
  const time = tables().meta.get("time");
  if (time !== undefined) yield { kind: "Time", time };
  for await (const [tenant, usage] of rowsOf(() => tables().usage))
    yield { kind: "Usage", tenant, usage: inOrder(usage) };
  for await (const [[tenant, keyId], usedAt] of rowsOf(() => tables().keyUses))
    yield { kind: "KeyUse", tenant, keyId, usedAt };
  for await (const [key, state] of rowsOf(() => tables().rates))
    if (lapsesAt(state) > now) yield { kind: "Rate", key, state };
  const forgotten = Math.max(now, time ?? 0) - billedFor;
  for await (const [id, at] of rowsOf(() => tables().billed)) if (at > forgotten) yield { kind: "Billed", id, at };
  for await (const [id, capture] of rowsOf(() => tables().captures)) {
    const content = tables().captured.get(id);
    if (content === undefined) throw new StoreIncomplete(`the capture ${id} has no content`);
    yield { kind: "Capture", capture, content };
  }
  yield* exportMessages(tables);
}

type Message = Extract<StoreRecord, { kind: "Message" }>;

/** Messages in the order of acceptance: their deliveries stand side by side. */
async function* exportMessages(tables: () => Tables): AsyncGenerator<Message> {
  let id: string | undefined;
  let deliveries: CarriedDelivery[] = [];
  for await (const [key, row] of rowsOf(() => tables().deliveries)) {
    if (id !== undefined && key[0] !== id) {
      yield messageOf(tables(), id, deliveries);
      deliveries = [];
    }
    [id] = key;
    const { domain, recipients, attempts, dueAt, lastReply } = row;
    deliveries.push({ index: key[1], domain, recipients, attempts, dueAt, ...(lastReply && { lastReply }) });
  }
  if (id !== undefined) yield messageOf(tables(), id, deliveries);
}

function messageOf(tables: Tables, id: string, deliveries: readonly CarriedDelivery[]): Message {
  const envelope = tables.envelopes.get(id);
  const content = tables.contents.get(id);
  if (envelope === undefined || content === undefined)
    throw new StoreIncomplete(`the message ${id} has no ${envelope === undefined ? "envelope" : "content"}`);
  return { kind: "Message", envelope, content, deliveries };
}

/** Writes one record. Inside a write transaction only. */
export function take(tables: Tables, record: StoreRecord): void {
  switch (record.kind) {
    case "Time":
      advance(tables, record.time);
      return;
    case "Usage":
      tables.usage.putSync(record.tenant, record.usage);
      return;
    case "KeyUse": {
      const key: [tenant: string, keyId: string] = [record.tenant, record.keyId];
      if ((tables.keyUses.get(key) ?? 0) < record.usedAt) tables.keyUses.putSync(key, record.usedAt);
      return;
    }
    case "Rate":
      tables.rates.putSync(record.key, record.state);
      return;
    case "Billed":
      if (!tables.billed.doesExist(record.id)) tables.billed.putSync(record.id, record.at);
      return;
    case "Capture":
      keep(tables, record.capture, record.content);
      return;
    case "Message":
      takeMessage(tables, record);
  }
}

function takeMessage(tables: Tables, { envelope, content, deliveries }: Message): void {
  const { id } = envelope;
  if (tables.envelopes.doesExist(id)) return;
  tables.envelopes.putSync(id, envelope);
  tables.contents.putSync(id, content);
  countSpooled(tables, envelope, 1);
  for (const { index, ...row } of deliveries) insert(tables, [id, index], { ...row, token: 0 });
}
