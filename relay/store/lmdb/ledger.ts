import type { Ledger } from "../ledger.ts";
import { advance, storedTime } from "./clock-row.ts";
import type { Environment } from "./environment.ts";

const second = 1000;

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
  };
}
