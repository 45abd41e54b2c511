import { lapsesAt, type RateLimit, type RateState, take } from "../../../contract/rates.ts";
import type { RateLimited } from "../spool.ts";
import type { Tables } from "./tables.ts";

/** Rows that one sweep looks at. */
const stride = 500;
/** Milliseconds between two sweeps. */
const sweepEvery = 60_000;

/** What all of these limits become when the recipients are taken out of them, or the one that holds longest. */
export function weigh(
  tables: Tables,
  limits: readonly RateLimit[],
  recipients: number,
  now: number,
): ReadonlyMap<string, RateState> | RateLimited {
  const states = new Map<string, RateState>();
  let longest: RateLimited | undefined;
  for (const limit of limits) {
    const { key } = limit;
    const taken = take(limit, tables.rates.get(key), recipients, now);
    if ("state" in taken) states.set(key, taken.state);
    else if (longest === undefined || taken.retryAt > longest.retryAt)
      longest = { kind: "RateLimited", key, retryAt: taken.retryAt };
  }
  return longest ?? states;
}

/** Writes what {@link weigh} found. Inside a write transaction only. */
export function count(tables: Tables, states: ReadonlyMap<string, RateState>): void {
  for (const [key, state] of states) tables.rates.putSync(key, state);
}

/**
 * Forgets rates that say nothing any more: addresses come and go. To be called inside write transactions, as often as one
 * likes: once in a while it looks at some rows, and goes on there the next time.
 */
export function rateSweep(): (tables: Tables, now: number) => void {
  let due = 0;
  let start = "";
  return (tables, now) => {
    if (now < due) return;
    const rows = [...tables.rates.getRange({ start, limit: stride })];
    for (const { key, value } of rows) if (lapsesAt(value) <= now) tables.rates.removeSync(key);
    const last = rows.length < stride ? undefined : rows.at(-1)?.key;
    start = last ?? "";
    due = last === undefined ? now + sweepEvery : 0;
  };
}
