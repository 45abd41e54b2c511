import { lapsesAt, type RateState } from "../../../contract/rates.ts";
import type { Capture } from "../captures.ts";
import type { Envelope } from "../spool.ts";
import { billedFor, type CarriedDelivery, type RunningLeases, StoreIncomplete, type StoreRecord } from "../transfer.ts";
import { inOrder } from "../usage-row.ts";
import { billedPart } from "./accept-script.ts";
import type { RedisConnection, Reply } from "./connection.ts";
import { type Keys, readMember } from "./keys.ts";
import { pairsOf, readUsage } from "./ledger.ts";
import { deliveriesScript } from "./queue-scripts.ts";
import { bytesOf, listOf, textOf } from "./reply.ts";
import { readRow } from "./rows.ts";

/** Rows that one script or command goes through at most. */
const stride = 200;

/** Everything that lies under a prefix, as the port {@link Transfer} tells it. */
export async function* exportAll(connection: RedisConnection, keys: Keys, now: number): AsyncGenerator<StoreRecord> {
  const clock = bytesOf(await connection.command("GET", keys.clock));
  const time = clock === undefined ? undefined : Number(clock.toString());
  if (time !== undefined) yield { kind: "Time", time };
  yield* exportUsage(connection, keys);
  yield* exportKeyUses(connection, keys);
  yield* exportRates(connection, keys, now);
  yield* exportBilled(connection, keys, Math.max(now, time ?? 0) - billedFor);
  yield* exportCaptures(connection, keys);
  yield* exportMessages(connection, keys);
}

async function* exportUsage(connection: RedisConnection, keys: Keys): AsyncGenerator<StoreRecord> {
  for await (const [tenant, row] of rowsOf(connection, keys.usage(""))) {
    const usage = readUsage(listOf(row));
    if (usage !== undefined) yield { kind: "Usage", tenant, usage: inOrder(usage) };
  }
}

async function* exportKeyUses(connection: RedisConnection, keys: Keys): AsyncGenerator<StoreRecord> {
  for await (const [tenant, row] of rowsOf(connection, keys.keyUses("")))
    for (const [keyId, usedAt] of pairsOf(row)) yield { kind: "KeyUse", tenant, keyId, usedAt };
}

async function* exportRates(connection: RedisConnection, keys: Keys, now: number): AsyncGenerator<StoreRecord> {
  for await (const [key, row] of rowsOf(connection, keys.rate(""))) {
    const fields = new Map(pairsOf(row));
    const [tat, day, count] = ["tat", "day", "count"].map((name) => fields.get(name));
    if (tat === undefined || day === undefined || count === undefined) continue;
    const state: RateState = { tat, day, count };
    if (lapsesAt(state) > now) yield { kind: "Rate", key, state };
  }
}

/** Ids lie in a set for each half hour: they are said to be of its end. */
async function* exportBilled(connection: RedisConnection, keys: Keys, forgotten: number): AsyncGenerator<StoreRecord> {
  const prefix = `${keys.prefix}billed:`;
  for await (const names of scan(connection, prefix))
    for (const name of names) {
      const at = (Number(name.slice(prefix.length)) + 1) * billedPart - 1;
      if (at > forgotten) yield* membersOf(connection, name, at);
    }
}

async function* membersOf(connection: RedisConnection, set: string, at: number): AsyncGenerator<StoreRecord> {
  let cursor = "0";
  const seen = new Set<string>();
  do {
    const [next, members] = listOf(await connection.command("SSCAN", set, cursor, "COUNT", stride));
    for (const id of listOf(members).map(textOf)) {
      if (seen.has(id)) continue;
      seen.add(id);
      yield { kind: "Billed", id, at };
    }
    cursor = textOf(next);
  } while (cursor !== "0");
}

async function* exportCaptures(connection: RedisConnection, keys: Keys): AsyncGenerator<StoreRecord> {
  let from = "-";
  for (;;) {
    const ids = listOf(await connection.command("ZRANGE", keys.captures, from, "+", "BYLEX", "LIMIT", 0, stride)).map(
      textOf,
    );
    for (const id of ids) {
      const [row, content] = (
        await connection.pipeline([keys.capture(id), keys.captured(id)].map((key) => ({ command: "GET", args: [key] })))
      ).map(bytesOf);
      if (row === undefined || content === undefined) throw new StoreIncomplete(`the capture ${id} is not whole`);
      const capture: Capture = JSON.parse(row.toString());
      yield { kind: "Capture", capture, content };
    }
    const last = ids.at(-1);
    if (last === undefined || ids.length < stride) return;
    from = `(${last}`;
  }
}

/** A delivery as the script `deliveries` tells it. */
interface Row {
  readonly id: string;
  readonly member: string;
  readonly row: Reply;
  /** When it can be claimed. */
  readonly at: number;
  /** Absent when nobody holds it. */
  readonly dueAt: number | undefined;
  /** It has a row and a time. */
  readonly whole: boolean;
}

/** All deliveries, in the order of acceptance. */
export async function* deliveryRows(connection: RedisConnection, keys: Keys): AsyncGenerator<Row> {
  let from = "-";
  for (;;) {
    const reply = listOf(await connection.run(deliveriesScript, [keys.prefix], [from, "+", stride]));
    for (let start = 0; start < reply.length; start += 4) {
      const [member, row = null, at, dueAt] = reply.slice(start, start + 4);
      const name = textOf(member);
      const { id } = readMember(name);
      const due = textOf(dueAt);
      const whole = textOf(row) !== "" && textOf(at) !== "";
      yield { id, member: name, row, at: Number(textOf(at)), dueAt: due === "" ? undefined : Number(due), whole };
      from = `(${name}`;
    }
    if (reply.length < 4 * stride) return;
  }
}

async function* exportMessages(connection: RedisConnection, keys: Keys): AsyncGenerator<StoreRecord> {
  let id: string | undefined;
  let deliveries: CarriedDelivery[] = [];
  for await (const row of deliveryRows(connection, keys)) {
    if (id !== undefined && row.id !== id) {
      yield await messageOf(connection, keys, id, deliveries);
      deliveries = [];
    }
    ({ id } = row);
    deliveries.push(carried(row));
  }
  if (id !== undefined) yield await messageOf(connection, keys, id, deliveries);
}

function carried({ member, row, at, dueAt, whole }: Row): CarriedDelivery {
  if (!whole) throw new StoreIncomplete(`the delivery ${member} is not whole`);
  const { domain, recipients, attempts, lastReply } = readRow(row);
  const index = Number(member.slice(member.lastIndexOf("/") + 1));
  return { index, domain, recipients, attempts, dueAt: dueAt ?? at, ...(lastReply && { lastReply }) };
}

async function messageOf(
  connection: RedisConnection,
  keys: Keys,
  id: string,
  deliveries: readonly CarriedDelivery[],
): Promise<StoreRecord> {
  const [row, content] = (
    await connection.pipeline([
      { command: "HGET", args: [`${keys.prefix}message:${id}`, "envelope"] },
      { command: "GET", args: [keys.body(id)] },
    ])
  ).map(bytesOf);
  if (row === undefined || content === undefined)
    throw new StoreIncomplete(`the message ${id} has no ${row === undefined ? "envelope" : "content"}`);
  const envelope: Envelope = JSON.parse(row.toString());
  return { kind: "Message", envelope, content, deliveries };
}

/** The leases that run. */
export async function leased(connection: RedisConnection, keys: Keys, now: number): Promise<RunningLeases | undefined> {
  let count = 0;
  let until = 0;
  for await (const { at, dueAt } of deliveryRows(connection, keys)) {
    if (dueAt === undefined || at <= now) continue;
    count += 1;
    until = Math.max(until, at);
  }
  return count === 0 ? undefined : { count, until };
}

/** The hashes whose names begin so, by the rest of their names. */
export async function* rowsOf(connection: RedisConnection, begin: string): AsyncGenerator<readonly [string, Reply]> {
  for await (const names of scan(connection, begin)) {
    const rows = await connection.pipeline(names.map((name) => ({ command: "HGETALL", args: [name] })));
    for (const [at, name] of names.entries()) {
      const row = rows[at] ?? null;
      if (listOf(row).length > 0) yield [name.slice(begin.length), row];
    }
  }
}

/** Names of keys that begin so, each once: Redis may tell one twice, so that all names of one kind are held in memory. */
export async function* scan(connection: RedisConnection, begin: string): AsyncGenerator<readonly string[]> {
  const seen = new Set<string>();
  let cursor = "0";
  do {
    const [next, found] = listOf(await connection.command("SCAN", cursor, "MATCH", `${begin}*`, "COUNT", 1000));
    const fresh = [...new Set(listOf(found).map(textOf))].filter((name) => !seen.has(name));
    for (const name of fresh) seen.add(name);
    if (fresh.length > 0) yield fresh;
    cursor = textOf(next);
  } while (cursor !== "0");
}
