import { keyUseStep } from "../../../contract/usage.ts";
import type { Ledger } from "../ledger.ts";
import { advance, storedTime } from "./clock-row.ts";
import type { Environment } from "./environment.ts";
import { weigh } from "./rates.ts";
import type { Tables } from "./tables.ts";

const second = 1000;
/** How long the last use of a key is remembered: much longer than any overlap. */
const remembered = 366 * 86_400_000;

/**
 * The ledger on LMDB. A read of the clock must not cost a flush each: the highest time is written when it enters a
 * new second, so that not even a crash takes it back over the start of one, where periods begin and top-ups end.
 */
export function lmdbLedger(environment: Environment): Ledger {
  let highest = 0;
  return {
    usage: async (tenant) => environment.tables().usage.get(tenant),
    async time(now) {
      const kept = storedTime(environment.tables(), 0);
      highest = Math.max(highest, kept, now);
      const told = highest;
      if (Math.floor(told / second) > Math.floor(kept / second))
        await environment.write((tables) => advance(tables, told));
      return told;
    },
    async admits(limits, now) {
      const weighed = weigh(environment.tables(), limits, 1, now);
      return "kind" in weighed ? weighed : undefined;
    },
    async noteKeyUse(tenant, keyId, now) {
      const step = now - (now % keyUseStep);
      const noted = environment.tables().keyUses.get([tenant, keyId]);
      // A write under way is not seen yet: the same step is then written twice, which costs little and changes nothing.
      if (noted === undefined || noted < step)
        await environment.write((tables) => noteKeyUse(tables, [tenant, keyId], step));
    },
    async keysUsed(tenant) {
      return Object.fromEntries(usesOf(environment.tables(), tenant).map(({ key, value }) => [key[1], value]));
    },
  };
}

function noteKeyUse(tables: Tables, key: [tenant: string, keyId: string], step: number): void {
  for (const old of usesOf(tables, key[0])) if (old.value < step - remembered) tables.keyUses.removeSync(old.key);
  if ((tables.keyUses.get(key) ?? 0) < step) tables.keyUses.putSync(key, step);
}

function usesOf(tables: Tables, tenant: string) {
  return [...tables.keyUses.getRange({ start: [tenant, ""], end: [tenant, "\uffff"] })];
}
