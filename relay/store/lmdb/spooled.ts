import type { Envelope } from "../spool.ts";
import type { Environment } from "./environment.ts";
import type { Tables } from "./tables.ts";

/** Octets of content that a tenant has in the spool. */
export function spooledBy(tables: Tables, tenant: string): number {
  return tables.spooled.get(tenant) ?? 0;
}

/** Counts a message that enters the spool (1) or leaves it (-1). Inside a write transaction only. */
export function countSpooled(tables: Tables, { tenant, size }: Envelope, sign: 1 | -1): void {
  const octets = spooledBy(tables, tenant) + sign * size;
  if (octets > 0) tables.spooled.putSync(tenant, octets);
  else tables.spooled.removeSync(tenant);
}

/** Counts once what is in the spool of a store that was written before anybody counted. */
export async function countOnce(environment: Environment): Promise<void> {
  if (environment.tables().meta.get("spooled") === 1) return;
  await environment.write((tables) => {
    if (tables.meta.get("spooled") === 1) return;
    for (const { value } of tables.envelopes.getRange()) countSpooled(tables, value, 1);
    tables.meta.putSync("spooled", 1);
  });
}
