import type { Usage } from "../../../contract/credits.ts";
import { type RateLimit, type RateState, take } from "../../../contract/rates.ts";
import { keyUseStep } from "../../../contract/usage.ts";
import type { Ledger } from "../ledger.ts";
import type { RateLimited } from "../spool.ts";
import type { RedisConnection, Reply } from "./connection.ts";
import type { Keys } from "./keys.ts";
import { noteKeyUseScript, timeScript } from "./ledger-scripts.ts";
import { listOf, numberOf, textOf } from "./reply.ts";
import type { HighestTime } from "./time.ts";

/** How long the last use of a key is remembered: much longer than any overlap. */
const remembered = 366 * 86_400_000;
/** Keys whose latest step is kept in memory. */
const mostNoted = 10_000;

/** The ledger on Redis. */
export function redisLedger(connection: RedisConnection, keys: Keys, highest: HighestTime): Ledger {
  const noted = new Map<string, number>();
  return {
    async usage(tenant) {
      return readUsage(listOf(await connection.command("HGETALL", keys.usage(tenant))));
    },
    async time(now) {
      return highest.hear(numberOf(await connection.run(timeScript, [keys.prefix], [highest.hear(now)])));
    },
    async admits(limits, now) {
      if (limits.length === 0) return undefined;
      const rows = await connection.pipeline(
        limits.map(({ key }) => ({ command: "HMGET", args: [keys.rate(key), "tat", "day", "count"] })),
      );
      return heldLongest(limits, rows.map(readRate), now);
    },
    async noteKeyUse(tenant, keyId, now) {
      const step = now - (now % keyUseStep);
      const name = `${tenant}/${keyId}`;
      if ((noted.get(name) ?? -1) >= step) return;
      await connection.run(noteKeyUseScript, [keys.prefix], [tenant, keyId, step, step - remembered]);
      if (noted.size >= mostNoted) noted.clear();
      noted.set(name, step);
    },
    async keysUsed(tenant) {
      return Object.fromEntries(pairsOf(await connection.command("HGETALL", keys.keyUses(tenant))));
    },
  };
}

/** Fields of a hash and their numbers. */
export function pairsOf(reply: Reply): readonly (readonly [string, number])[] {
  const flat = listOf(reply);
  return Array.from({ length: flat.length / 2 }, (_, at) => [textOf(flat[2 * at]), Number(textOf(flat[2 * at + 1]))]);
}

/** A top-up's field begins with a plus sign: it may bear any name, `used` too. Another period's begins with a minus sign. */
export function readUsage(flat: readonly Reply[]): Usage | undefined {
  if (flat.length === 0) return undefined;
  const fields = new Map(Array.from({ length: flat.length / 2 }, (_, at) => [textOf(flat[2 * at]), flat[2 * at + 1]]));
  const countsOf = (sign: string): Record<string, number> =>
    Object.fromEntries(
      [...fields]
        .filter(([name]) => name.startsWith(sign))
        .map(([name, spent]) => [name.slice(1), Number(textOf(spent))]),
    );
  const otherPeriods = countsOf("-");
  return {
    period: textOf(fields.get("period")),
    used: Number(textOf(fields.get("used"))),
    ...(Object.keys(otherPeriods).length > 0 && { otherPeriods }),
    topUpsUsed: countsOf("+"),
  };
}

function readRate(reply: Reply): RateState | undefined {
  const row = listOf(reply);
  if (row[0] === null) return undefined;
  const [tat = 0, day = 0, count = 0] = row.map((field) => Number(textOf(field)));
  return { tat, day, count };
}

function heldLongest(
  limits: readonly RateLimit[],
  states: readonly (RateState | undefined)[],
  now: number,
): RateLimited | undefined {
  let longest: RateLimited | undefined;
  for (const [index, limit] of limits.entries()) {
    const taken = take(limit, states[index], 1, now);
    if ("retryAt" in taken && taken.retryAt > (longest?.retryAt ?? now))
      longest = { kind: "RateLimited", key: limit.key, retryAt: taken.retryAt };
  }
  return longest;
}
