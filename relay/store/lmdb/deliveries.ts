import type { Delivery, Envelope } from "../spool.ts";
import { countSpooled } from "./spooled.ts";
import type { DeliveryKey, DeliveryRow, DueKey, Tables } from "./tables.ts";

/** A delivery's key as the port tells it: `<message id>/<index>`. */
export function formatKey([id, index]: DeliveryKey): string {
  return `${id}/${index}`;
}

/** The key that {@link formatKey} wrote, or undefined for anything else. */
export function parseKey(text: string): DeliveryKey | undefined {
  const parts = /^(.+)\/([0-9]{1,9})$/s.exec(text);
  return parts?.[1] === undefined ? undefined : [parts[1], Number(parts[2])];
}

/** Where a delivery stands in the order of what can be claimed: a leased one at the end of its lease. */
export function dueKey([id, index]: DeliveryKey, row: DeliveryRow): DueKey {
  return [row.leaseUntil ?? row.dueAt, id, index];
}

/** Writes a new delivery. This and the next two run inside a write transaction only. */
export function insert(tables: Tables, key: DeliveryKey, row: DeliveryRow): void {
  tables.deliveries.putSync(key, row);
  tables.due.putSync(dueKey(key, row), 0);
}

export function replace(
  tables: Tables,
  key: DeliveryKey,
  change: { readonly from: DeliveryRow; readonly to: DeliveryRow },
): void {
  tables.due.removeSync(dueKey(key, change.from));
  insert(tables, key, change.to);
}

/** Removes a delivery, and with the last of a message its envelope and content. */
export function remove(tables: Tables, key: DeliveryKey, row: DeliveryRow): void {
  const [id] = key;
  tables.due.removeSync(dueKey(key, row));
  tables.deliveries.removeSync(key);
  if (keysOf(tables, id, 1).length > 0) return;
  const envelope = tables.envelopes.get(id);
  if (envelope !== undefined) countSpooled(tables, envelope, -1);
  tables.envelopes.removeSync(id);
  tables.contents.removeSync(id);
}

/** Keys of a message's deliveries, at most `limit`. */
export function keysOf(tables: Tables, id: string, limit: number): readonly DeliveryKey[] {
  return [...tables.deliveries.getKeys({ start: [id, 0], end: [id, Number.MAX_SAFE_INTEGER], limit })];
}

/** Leases a delivery until `leaseUntil` and returns it as the port tells it. */
export function lease(tables: Tables, key: DeliveryKey, row: DeliveryRow, leaseUntil: number): Delivery {
  const envelope = envelopeOf(tables, key);
  const leased = { ...row, token: row.token + 1, leaseUntil };
  replace(tables, key, { from: row, to: leased });
  const { dueAt: _, ...rest } = leased;
  return { key: formatKey(key), envelope, ...rest };
}

export function envelopeOf(tables: Tables, [id]: DeliveryKey): Envelope {
  const envelope = tables.envelopes.get(id);
  if (envelope === undefined) throw new Error(`the store has deliveries of ${id} but no envelope`);
  return envelope;
}

/** Nobody works on it at `now`. */
export function isFree(row: DeliveryRow, now: number): boolean {
  return row.leaseUntil === undefined || row.leaseUntil <= now;
}
