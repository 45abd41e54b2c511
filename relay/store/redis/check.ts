import { countsOf } from "../usage-row.ts";
import type { Capture } from "../captures.ts";
import { captureCounter, problemList, spoolCounter, type StoreProblem, type StoreReport } from "../check.ts";
import type { RedisConnection, Reply } from "./connection.ts";
import { countCapturesScript, countSpooledScript } from "./count-scripts.ts";
import { deliveryRows, rowsOf, scan } from "./export.ts";
import type { Keys } from "./keys.ts";
import { pairsOf, readUsage } from "./ledger.ts";
import { bytesOf, isList, listOf, numberOf, textOf } from "./reply.ts";
import { readRow } from "./rows.ts";

interface Check {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly add: (problem: StoreProblem) => void;
  /** Adds a counter that was held against what is there at one moment. */
  readonly miscounted: (problem: StoreProblem) => void;
  /** Make wrong counters right. */
  readonly repair: boolean;
  /** Deliveries that one script counts at most. */
  readonly countable: number;
}

export interface RedisReport extends StoreReport {
  /** Counters that are right now. */
  readonly repaired: number;
}

export interface CheckRedis {
  /** Make wrong counters right. Redis stands still for as long as it counts. */
  readonly repair?: boolean;
  /** Deliveries that are counted at one moment when a counter seems wrong; of more it must seem so again and again. */
  readonly countable?: number;
}

/** Counting so many takes Redis a fifth of a second. */
const countable = 50_000;
/** How often all messages are gone through before a counter is called wrong that cannot be counted at one moment. */
const walks = 3;

/**
 * Verifies what lies under a prefix, also while relays run on it: what looks wrong is looked at again, because it may have
 * been settled meanwhile, and a counter is held against what is there at one moment.
 */
export async function checkRedis(
  connection: RedisConnection,
  keys: Keys,
  options: CheckRedis = {},
): Promise<RedisReport> {
  const list = problemList();
  let wrong = 0;
  const miscounted = (problem: StoreProblem): void => {
    wrong += 1;
    list.add(problem);
  };
  const { repair = false } = options;
  const check = { connection, keys, add: list.add, miscounted, countable, ...options, repair };
  const { room, ...queued } = await checkMessages(check);
  await checkRooms(check, room);
  await checkStrays(check);
  const ledger = await checkLedger(check);
  const report = list.report({ ...queued, ...ledger, captures: await checkCaptures(check) });
  return { ...report, repaired: repair ? wrong : 0 };
}

type Rooms = ReadonlyMap<string, { readonly told: number; readonly there: number }>;

/** Holds what is counted against what was found on a walk, while messages came and went; what differs is counted anew. */
async function checkRooms(check: Check, room: ReadonlyMap<string, number>): Promise<void> {
  const found = await differing(check, room);
  if (found.size === 0) return;
  const wrong = (await countRooms(check)) ?? (await walkAgain(check, found));
  for (const [tenant, { told, there }] of wrong) check.miscounted(spoolCounter(tenant, told, there));
}

/** Those that differ by as much on every walk. */
async function walkAgain(check: Check, found: Rooms): Promise<Rooms> {
  let wrong = found;
  for (let walk = 1; wrong.size > 0 && walk < walks; walk += 1) {
    const { room } = await checkMessages({ ...check, add: () => undefined });
    const now = await differing(check, room);
    wrong = new Map([...wrong].filter(([tenant, row]) => errorOf(now.get(tenant)) === errorOf(row)));
  }
  return wrong;
}

function errorOf(row: { readonly told: number; readonly there: number } | undefined): number {
  return row === undefined ? 0 : row.told - row.there;
}

async function differing({ connection, keys }: Check, room: ReadonlyMap<string, number>): Promise<Rooms> {
  const told = new Map(pairsOf(await connection.command("HGETALL", `${keys.prefix}spooled`)));
  const rows = [...new Set([...room.keys(), ...told.keys()])].map(
    (tenant) => [tenant, { told: told.get(tenant) ?? 0, there: room.get(tenant) ?? 0 }] as const,
  );
  return new Map(rows.filter(([, { told: one, there }]) => one !== there));
}

/** The tenants that are counted wrong, at one moment; undefined when that would take too long. */
async function countRooms({ connection, keys, repair, countable: most }: Check): Promise<Rooms | undefined> {
  const args = [repair ? Number.MAX_SAFE_INTEGER : most, repair ? "repair" : ""];
  const reply = await connection.run(countSpooledScript, [keys.prefix], args);
  if (!isList(reply)) return undefined;
  const rows = Array.from({ length: reply.length / 3 }, (_, at) => reply.slice(3 * at, 3 * at + 3).map(textOf));
  return new Map(rows.map(([tenant = "", told, there]) => [tenant, { told: Number(told), there: Number(there) }]));
}

async function checkMessages(check: Check): Promise<{
  readonly messages: number;
  readonly deliveries: number;
  readonly octets: number;
  readonly room: ReadonlyMap<string, number>;
}> {
  const room = new Map<string, number>();
  let [messages, deliveries, octets, open] = [0, 0, 0, 0];
  let last: string | undefined;
  const leave = async (id: string): Promise<void> => {
    const found = await checkMessage(check, id, open);
    if (found === undefined) return;
    messages += 1;
    octets += found.size;
    room.set(found.tenant, (room.get(found.tenant) ?? 0) + found.size);
  };
  for await (const delivery of deliveryRows(check.connection, check.keys)) {
    if (last !== undefined && delivery.id !== last) {
      await leave(last);
      open = 0;
    }
    last = delivery.id;
    open += 1;
    deliveries += 1;
    if (delivery.whole && isRow(delivery.row)) continue;
    if (await isGone(check, delivery.member)) continue;
    check.add({ kind: "Orphan", id: delivery.id, what: `the delivery ${delivery.member} has no row, or is not due` });
  }
  if (last !== undefined) await leave(last);
  return { messages, deliveries, octets, room };
}

function isRow(row: Reply): boolean {
  try {
    return Array.isArray(readRow(row).recipients);
  } catch {
    return false;
  }
}

async function isGone({ connection, keys }: Check, member: string): Promise<boolean> {
  return (await connection.command("ZSCORE", `${keys.prefix}deliveries`, member)) === null;
}

/** Looks at a message that has `open` deliveries; undefined when it is not whole. */
async function checkMessage(
  check: Check,
  id: string,
  open: number,
): Promise<{ readonly tenant: string; readonly size: number } | undefined> {
  const { connection, keys, add } = check;
  const [row, length] = await connection.pipeline([
    { command: "HMGET", args: [`${keys.prefix}message:${id}`, "envelope", "tenant", "size", "left"] },
    { command: "STRLEN", args: [keys.body(id)] },
  ]);
  const [envelope, tenant, size, left] = listOf(row).map((field) => bytesOf(field)?.toString());
  const missing = envelope === undefined ? "envelope" : numberOf(length) === 0 ? "content" : undefined;
  const there = (await connection.command("EXISTS", `${keys.prefix}message:${id}`)) === 1;
  if (missing !== undefined) {
    const settled = !there && !(await hasDeliveries(check, id));
    if (!settled) add({ kind: "Orphan", id, what: `the message ${id} has no ${missing}` });
    return undefined;
  }
  if (numberOf(length) !== Number(size) && there)
    add({ kind: "Damaged", id, what: `the content of ${id} is not as long as its envelope says` });
  if (Number(left) > open && there)
    add({ kind: "Counter", id, what: `${left} deliveries of ${id} are counted, there are ${open}` });
  return { tenant: tenant ?? "", size: Number(size) };
}

async function hasDeliveries({ connection, keys }: Check, id: string): Promise<boolean> {
  const args = [`${keys.prefix}deliveries`, `[${id}/`, `(${id}0`, "BYLEX", "LIMIT", 0, 1];
  return listOf(await connection.command("ZRANGE", ...args)).length > 0;
}

/** Messages and contents that no delivery leads to. */
async function checkStrays(check: Check): Promise<void> {
  const { keys } = check;
  await checkStray(check, `${keys.prefix}message:`, (id) => `the message ${id} has no deliveries`);
  await checkStray(check, keys.body(""), (id) => `the content of ${id} belongs to no message`);
}

async function checkStray(check: Check, begin: string, what: (id: string) => string): Promise<void> {
  for await (const names of scan(check.connection, begin))
    for (const name of names) {
      const id = name.slice(begin.length);
      // A content that was sent ahead has an expiry, until its message is accepted; of what is gone Redis says -2.
      const stays = async (): Promise<boolean> => (await check.connection.command("PTTL", name)) === -1;
      if ((await stays()) && !(await hasDeliveries(check, id)) && (await stays()))
        check.add({ kind: "Orphan", id, what: what(id) });
    }
}

async function checkLedger(check: Check): Promise<{
  readonly tenants: number;
  readonly apiKeys: number;
  readonly rates: number;
  readonly billed: number;
}> {
  const { connection, keys, add } = check;
  const counts = { tenants: 0, apiKeys: 0, rates: 0, billed: 0 };
  for await (const [tenant, row] of rowsOf(connection, keys.usage(""))) {
    counts.tenants += 1;
    const usage = readUsage(listOf(row));
    const numbers = usage === undefined ? [Number.NaN] : countsOf(usage);
    if (numbers.some((number) => !Number.isSafeInteger(number) || number < 0))
      add({ kind: "Damaged", id: tenant, what: `the credits of ${tenant} are no numbers` });
  }
  for await (const [, row] of rowsOf(connection, keys.keyUses(""))) counts.apiKeys += pairsOf(row).length;
  for await (const names of scan(connection, keys.rate(""))) counts.rates += names.length;
  for await (const names of scan(connection, `${keys.prefix}billed:`))
    for (const name of names) counts.billed += numberOf(await connection.command("SCARD", name));
  return counts;
}

async function checkCaptures(check: Check): Promise<number> {
  const { connection, keys, add } = check;
  let count = 0;
  const there = new Map<string, number>();
  const told = await captureOctets(check);
  for await (const names of scan(connection, keys.capture("")))
    for (const name of names) {
      count += 1;
      const id = name.slice(keys.capture("").length);
      const [row = null, length] = await connection.pipeline([
        { command: "GET", args: [name] },
        { command: "STRLEN", args: [keys.captured(id)] },
      ]);
      const capture = bytesOf(row);
      if (capture === undefined) continue;
      if (numberOf(length) === 0 && (await connection.command("EXISTS", name)) === 1)
        add({ kind: "Orphan", id, what: `the capture ${id} has no content` });
      const { envelope }: Capture = JSON.parse(capture.toString());
      const environment = `${envelope.tenant}/${envelope.environment}`;
      there.set(environment, (there.get(environment) ?? 0) + numberOf(length));
    }
  for (const [environment, octets] of told)
    if ((there.get(environment) ?? 0) !== octets) await recountCaptures(check, environment);
  return count;
}

/** At one moment: captures of one size may come and go, and the counter stays as it is. */
async function recountCaptures({ connection, keys, miscounted, repair }: Check, environment: string): Promise<void> {
  const args = [environment, repair ? "repair" : ""];
  const [told = null, there = null] = listOf(await connection.run(countCapturesScript, [keys.prefix], args));
  const counted = bytesOf(told);
  if (counted !== undefined && Number(counted.toString()) !== numberOf(there))
    miscounted(captureCounter(environment, Number(counted.toString()), numberOf(there)));
}

/** Environments that were not captured in since captures are counted are not among them. */
async function captureOctets({ connection, keys }: Check): Promise<ReadonlyMap<string, number>> {
  return new Map(pairsOf(await connection.command("HGETALL", `${keys.prefix}capture-octets`)));
}
