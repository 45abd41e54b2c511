import type { Capture } from "../captures.ts";
import type { Environment } from "./environment.ts";
import type { Tables } from "./tables.ts";

/** Octets that a content has in front of itself. */
const checksum = 4;

/** What captures of one environment are counted under: tenant and environment. */
export function captureCountKey({ envelope: { tenant, environment } }: Capture): string {
  return `${tenant}/${environment}`;
}

/** Octets of the captures of an environment. */
export function capturedIn(tables: Tables, name: string): number {
  return tables.captureOctets.get(name) ?? 0;
}

/** Octets of a captured content, damaged or not. */
export function capturedSize(tables: Tables, id: string): number {
  return Math.max(0, (tables.captured.getBinaryFast(id)?.length ?? 0) - checksum);
}

/** Counts captures that come or, below zero, go. Inside a write transaction only. */
export function countCaptured(tables: Tables, name: string, octets: number): void {
  const all = capturedIn(tables, name) + octets;
  if (all > 0) tables.captureOctets.putSync(name, all);
  else tables.captureOctets.removeSync(name);
}

/** Counts once what is in a store that was written before anybody counted. */
export async function countCapturesOnce(environment: Environment): Promise<void> {
  if (environment.tables().meta.get("captured") === 1) return;
  await environment.write((tables) => {
    if (tables.meta.get("captured") === 1) return;
    for (const { key, value } of tables.captures.getRange())
      countCaptured(tables, captureCountKey(value), capturedSize(tables, key));
    tables.meta.putSync("captured", 1);
  });
}
