import type { Usage } from "./credits.ts";

/** What a relay reports of a tenant. */
export interface TenantUsage {
  /** Absent for a tenant that never sent. */
  readonly credits?: Usage;
  /** When each API key was last used, by its id: the start of the {@link keyUseStep}, milliseconds since the epoch. */
  readonly keysUsed: Readonly<Record<string, number>>;
}

/** A use of an API key is noted once in so many milliseconds: who asks wants to know whether it is in use, not how often. */
export const keyUseStep = 3_600_000;

/** Where the operator pulls from what tenants have spent and used: a relay's admin port, or the store of the same process. */
export interface UsageSource {
  /**
   * The reports of the tenants (`namespace/name`) of a fleet. One that never sent is absent.
   * Rejects when nobody can be asked; the numbers known before then stay as they are.
   */
  usage(tenants: readonly string[]): Promise<ReadonlyMap<string, TenantUsage>>;
}
