import type { Tables } from "./tables.ts";

/** The store's clock: the highest of `now` and what is kept. */
export function storedTime(tables: Tables, now: number): number {
  return Math.max(now, tables.meta.get("time") ?? 0);
}

/** Moves the store's clock to `now`, if that is later, and returns it. Inside a write transaction only. */
export function advance(tables: Tables, now: number): number {
  const time = storedTime(tables, now);
  if (time === now) tables.meta.putSync("time", now);
  return time;
}
