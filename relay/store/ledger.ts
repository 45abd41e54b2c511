import type { Usage } from "../../contract/credits.ts";

/** Who has spent how many credits. Written by {@link Spool.accept} alone, in the transaction that spools. */
export interface Ledger {
  /** The row of a tenant (`namespace/name`), or undefined when it never sent. */
  usage(tenant: string): Promise<Usage | undefined>;
  /** The store's clock: the highest of `now` and every time it was ever told. It never runs back; over a restart not over the start of a second. */
  time(now: number): Promise<number>;
}
