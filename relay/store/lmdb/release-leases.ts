import { replace } from "./deliveries.ts";
import type { Environment } from "./environment.ts";
import type { DeliveryKey, Tables } from "./tables.ts";

/** Rows that one transaction touches at most. */
const stride = 500;

/**
 * Lets go of every lease, so that what a killed process had begun is tried again at once and not only when its lease
 * lapses. Only for the one process that delivers from this store. The fencing token rises: whoever held the lease
 * cannot settle any more. Returns how many there were.
 */
export async function releaseLeases(environment: Environment): Promise<number> {
  let released = 0;
  let start: DeliveryKey | undefined = ["", 0];
  while (start !== undefined) {
    const from: DeliveryKey = start;
    const done = await environment.write((tables) => releaseStride(tables, from));
    released += done.released;
    start = done.next;
  }
  return released;
}

function releaseStride(tables: Tables, start: DeliveryKey): { readonly released: number; readonly next?: DeliveryKey } {
  const rows = [...tables.deliveries.getRange({ start, limit: stride })];
  const leased = rows.filter(({ value }) => value.leaseUntil !== undefined);
  for (const { key, value } of leased) {
    const { leaseUntil: _, ...free } = value;
    replace(tables, key, { from: value, to: { ...free, token: value.token + 1 } });
  }
  const last = rows.length < stride ? undefined : rows.at(-1)?.key;
  return last === undefined ? { released: leased.length } : { released: leased.length, next: [last[0], last[1] + 1] };
}
