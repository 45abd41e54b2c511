import type { TenantUsage, UsageSource } from "../contract/usage.ts";
import type { Ledger } from "../relay/store/ledger.ts";

/** What is read of it. */
export type ReadLedger = Pick<Ledger, "usage" | "keysUsed">;

/** Rows that are read at the same time. */
const batch = 50;

/** What tenants have used, by a ledger that this process can read. */
export function usageOfLedger(ledger: ReadLedger): UsageSource {
  return {
    async usage(tenants) {
      const rows = new Map<string, TenantUsage>();
      for (let from = 0; from < tenants.length; from += batch) {
        const some = tenants.slice(from, from + batch);
        const read = await Promise.all(some.map(async (tenant) => [tenant, await reportOf(ledger, tenant)] as const));
        for (const [tenant, row] of read) rows.set(tenant, row);
      }
      return rows;
    },
  };
}

async function reportOf(ledger: ReadLedger, tenant: string): Promise<TenantUsage> {
  const [credits, keysUsed] = await Promise.all([ledger.usage(tenant), ledger.keysUsed(tenant)]);
  return { ...(credits && { credits }), keysUsed };
}
