import type { Clock } from "../../../runtime/clock.ts";
import type { Queue, QueueRow } from "../queue.ts";
import { envelopeOf, formatKey, isFree, parseKey, replace } from "./deliveries.ts";
import type { Environment } from "./environment.ts";
import type { DeliveryKey, DeliveryRow, Tables } from "./tables.ts";

/** Rows that one transaction touches at most when it has many to go through. */
const stride = 500;

/** The queue on LMDB. `clock` tells which leases run. */
export function lmdbQueue(environment: Environment, clock: Pick<Clock, "now">): Queue {
  return {
    async list(limit, messageId, after) {
      return list(environment.tables(), { limit, messageId, after, now: clock.now() });
    },
    async retry(now, messageId) {
      let from: DeliveryKey | undefined = messageId === undefined ? ["", 0] : [messageId, 0];
      let retried = 0;
      while (from !== undefined) {
        const start: DeliveryKey = from;
        const done = await environment.write((tables) => retry(tables, { start, messageId, now }));
        retried += done.retried;
        from = done.next;
      }
      return retried;
    },
  };
}

function list(
  tables: Tables,
  of: {
    readonly limit: number;
    readonly messageId: string | undefined;
    readonly after: string | undefined;
    readonly now: number;
  },
): readonly QueueRow[] {
  const after = of.after === undefined ? undefined : parseKey(of.after);
  const start = after && { start: after, exclusiveStart: true };
  const rows = [...tables.deliveries.getRange({ ...span(of.messageId), ...start, limit: of.limit })];
  return rows.map(({ key, value }) => toQueueRow(tables, key, value, of.now));
}

function toQueueRow(tables: Tables, key: DeliveryKey, row: DeliveryRow, now: number): QueueRow {
  const { token: _token, leaseUntil: _leaseUntil, ...told } = row;
  return { key: formatKey(key), envelope: envelopeOf(tables, key), ...told, leased: !isFree(row, now) };
}

function span(messageId: string | undefined): { start?: DeliveryKey; end?: DeliveryKey } {
  return messageId === undefined ? {} : { start: [messageId, 0], end: [messageId, Number.MAX_SAFE_INTEGER] };
}

/** One stride of `retry`. `next`: where to go on, undefined at the end. */
function retry(
  tables: Tables,
  of: { readonly start: DeliveryKey; readonly messageId: string | undefined; readonly now: number },
): { readonly retried: number; readonly next: DeliveryKey | undefined } {
  const rows = [...tables.deliveries.getRange({ ...span(of.messageId), start: of.start, limit: stride })];
  const free = rows.filter(({ value }) => isFree(value, of.now));
  for (const { key, value } of free)
    if (value.dueAt > of.now) replace(tables, key, { from: value, to: dueNow(value, of.now) });
  const last = rows.length < stride ? undefined : rows.at(-1)?.key;
  return { retried: free.length, next: last && [last[0], last[1] + 1] };
}

function dueNow(row: DeliveryRow, dueAt: number): DeliveryRow {
  const { leaseUntil: _, ...free } = row;
  return { ...free, dueAt };
}
