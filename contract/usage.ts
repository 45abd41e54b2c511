import type { Usage } from "./credits.ts";

/** Where the operator pulls from what tenants have spent: a relay's admin port, or the store of the same process. */
export interface UsageSource {
  /**
   * The ledger rows of the tenants (`namespace/name`) of a fleet. One that never sent is absent.
   * Rejects when nobody can be asked; the numbers known before then stay as they are.
   */
  usage(tenants: readonly string[]): Promise<ReadonlyMap<string, Usage>>;
}
