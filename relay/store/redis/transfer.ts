import { lapsesAt } from "../../../contract/rates.ts";
import { StoreFull } from "../spool.ts";
import { StoreUnavailable } from "../store.ts";
import { batches, type MoveMark, type StoreRecord, type Transfer } from "../transfer.ts";
import { billedPart } from "./accept-script.ts";
import { keepScript } from "./capture-scripts.ts";
import type { Argument, Call, RedisConnection } from "./connection.ts";
import { exportAll, leased } from "./export.ts";
import { type Keys, memberOf } from "./keys.ts";
import { noteKeyUseScript } from "./ledger-scripts.ts";
import { bytesOf } from "./reply.ts";
import { formatRow } from "./rows.ts";
import type { Script } from "./script.ts";
import { advanceScript, markScript, takeMessageScript } from "./transfer-scripts.ts";

/** A batch is one round trip: it must be through before a connection is given up. */
const limits = { records: 200, octets: 2 ** 20 };
/** How long a content that was sent ahead waits for its message. */
const ahead = 600_000;
const bringsContent: ReadonlySet<Script> = new Set([takeMessageScript, keepScript]);

type RecordOf<K extends StoreRecord["kind"]> = Extract<StoreRecord, { readonly kind: K }>;

/** Carries a store that lies in Redis. */
export function redisTransfer(connection: RedisConnection, keys: Keys): Transfer {
  return {
    export: (now) => exportAll(connection, keys, now),
    async import(records, now) {
      for await (const batch of batches(records, limits)) await take(connection, keys, batch, now);
    },
    leases: (now) => leased(connection, keys, now),
    async mark() {
      const marks = await connection.pipeline(
        ["closed", "arrived"].map((name) => ({ command: "GET", args: [keys.prefix + name] })),
      );
      const text = marks.map(bytesOf).find((bytes) => bytes !== undefined);
      if (text === undefined) return undefined;
      const mark: MoveMark = JSON.parse(text.toString());
      return mark;
    },
    async setMark(mark) {
      const text = mark === undefined ? "" : JSON.stringify(mark);
      const args = mark?.kind === "ArrivedFrom" ? ["", text] : [text, ""];
      await connection.commit([{ script: markScript, keys: [keys.prefix], args }]);
    },
  };
}

async function take(
  connection: RedisConnection,
  keys: Keys,
  batch: readonly StoreRecord[],
  now: number,
): Promise<void> {
  if (connection.full()) throw new StoreFull("Redis uses as much memory as messages may take");
  const missing = await withoutThose(connection, keys, batch);
  if (missing.length === 0) return;
  const calls = missing.flatMap((record) => callsOf(record, keys, now));
  const replies = await connection.commit(calls);
  // Where the content is gone the script behind it answers 0; the next try sends it again.
  const gone = calls.some((call, at) => "script" in call && bringsContent.has(call.script) && replies[at] === 0);
  if (gone) throw new StoreUnavailable("a content went before its message could be kept");
}

/** Without the messages and captures that are there already, so that their contents are not sent again. */
async function withoutThose(
  connection: RedisConnection,
  keys: Keys,
  batch: readonly StoreRecord[],
): Promise<readonly StoreRecord[]> {
  const asked = batch.flatMap((record) => {
    if (record.kind === "Message") return [`${keys.prefix}message:${record.envelope.id}`];
    return record.kind === "Capture" ? [keys.capture(record.capture.envelope.id)] : [];
  });
  if (asked.length === 0) return batch;
  const replies = await connection.pipeline(asked.map((key) => ({ command: "EXISTS", args: [key] })));
  const there = replies.values();
  return batch.filter((record) => !("content" in record) || there.next().value === 0);
}

function callsOf(record: StoreRecord, keys: Keys, now: number): readonly Call[] {
  switch (record.kind) {
    case "Message":
      return messageCalls(record, keys);
    case "Capture":
      return captureCalls(record, keys);
    case "Rate":
      return rateCalls(record, keys, now);
    case "Billed":
      return billedCalls(record, keys);
    case "Usage":
      return usageCalls(record, keys);
    case "KeyUse":
      return [run(keys, noteKeyUseScript, record.tenant, record.keyId, record.usedAt, 0)];
    case "Time":
    default:
      return [run(keys, advanceScript, record.time)];
  }
}

function run({ prefix }: Keys, script: Script, ...args: readonly Argument[]): Call {
  return { script, keys: [prefix], args };
}

function usageCalls({ tenant, usage }: RecordOf<"Usage">, keys: Keys): readonly Call[] {
  const spent = Object.entries(usage.topUpsUsed).flatMap(([name, amount]) => [`+${name}`, amount]);
  const others = Object.entries(usage.otherPeriods ?? {}).flatMap(([name, used]) => [`-${name}`, used]);
  const name = keys.usage(tenant);
  // In place of the row that is there: it may have been of other periods.
  return [
    { command: "UNLINK", args: [name] },
    { command: "HSET", args: [name, "period", usage.period, "used", usage.used, ...spent, ...others] },
  ];
}

function billedCalls({ id, at }: RecordOf<"Billed">, { prefix }: Keys): readonly Call[] {
  const set = `${prefix}billed:${Math.floor(at / billedPart)}`;
  return [
    { command: "SADD", args: [set, id] },
    { command: "PEXPIRE", args: [set, 4 * billedPart, "NX"] },
  ];
}

function captureCalls({ capture, content }: RecordOf<"Capture">, keys: Keys): readonly Call[] {
  const { id, tenant, environment } = capture.envelope;
  const body = { command: "SET", args: [keys.captured(id), content, "PX", ahead, "NX"] };
  const row = [id, `${tenant}/${environment}`, capture.capturedAt, JSON.stringify(capture), ""];
  return [body, run(keys, keepScript, ...row)];
}

function rateCalls({ key, state }: RecordOf<"Rate">, keys: Keys, now: number): readonly Call[] {
  const name = keys.rate(key);
  return [
    { command: "HSET", args: [name, "tat", state.tat, "day", state.day, "count", state.count] },
    { command: "PEXPIRE", args: [name, Math.max(1, Math.ceil(lapsesAt(state) - now))] },
  ];
}

function messageCalls({ envelope, content, deliveries }: RecordOf<"Message">, keys: Keys): readonly Call[] {
  const { id, size, tenant } = envelope;
  const body = { command: "SET", args: [keys.body(id), content, "PX", ahead, "NX"] };
  const rows = deliveries.flatMap(({ index, domain, dueAt, ...state }) => {
    const member = memberOf(`${id}/${index}`) ?? "";
    return [member, member.slice(id.length + 1), formatRow(domain, state), dueAt];
  });
  return [body, run(keys, takeMessageScript, id, size, tenant, JSON.stringify(envelope), ...rows)];
}
