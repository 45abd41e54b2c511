import Type from "typebox";
import { validatorOf } from "../runtime/validator.ts";
import { type Decoded, parseJson } from "./codec.ts";
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
   * Rejects when nobody can be asked; the numbers known before then stay as they are. The signal ends the wait.
   */
  usage(tenants: readonly string[], signal?: AbortSignal): Promise<ReadonlyMap<string, TenantUsage>>;
}

/** Where a relay's admin port serves usage: GET, a query parameter `tenant` (`namespace/name`) for each tenant asked for. */
export const usagePath = "/v1/usage";

/** Audience of the ServiceAccount token that is shown there as a bearer token. */
export const usageAudience = "posthouse.dev/usage";

/** So many tenants may be asked for at once. */
export const mostTenants = 500;

const counts = Type.Record(Type.String({ maxLength: 253 }), Type.Integer({ minimum: 0 }));

/** The answer, as JSON. */
const UsageReport = Type.Object({
  version: Type.Literal(1),
  tenants: Type.Record(
    Type.String({ maxLength: 317 }),
    Type.Object({
      credits: Type.Optional(
        Type.Object({
          period: Type.String({ minLength: 1, maxLength: 63 }),
          used: Type.Integer({ minimum: 0 }),
          otherPeriods: Type.Optional(counts),
          topUpsUsed: counts,
        }),
      ),
      keysUsed: counts,
    }),
  ),
});
type UsageReport = Type.Static<typeof UsageReport>;

const usageReport = validatorOf<UsageReport>(UsageReport);

/** The answer of a relay: the tenants that it has something to tell of. */
export function encodeUsage(rows: ReadonlyMap<string, TenantUsage>): string {
  const told = [...rows].filter(
    ([, { credits, keysUsed }]) => credits !== undefined || Object.keys(keysUsed).length > 0,
  );
  return JSON.stringify({ version: 1, tenants: Object.fromEntries(told) });
}

/** Reads that. Unknown members are ignored: they are of a later version of the same shape. */
export function decodeUsage(text: string): Decoded<ReadonlyMap<string, TenantUsage>> {
  const decoded = parseJson(text, usageReport);
  return "error" in decoded ? decoded : { value: new Map(Object.entries(decoded.value.tenants)) };
}
