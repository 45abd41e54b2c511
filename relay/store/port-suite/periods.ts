import { describe, expect, test } from "vitest";
import type { Allowance, Credits, Reset } from "../../../contract/credits.ts";
import type { Store } from "../store.ts";
import { day, draft, noon } from "./fixture.ts";

const tenant = "team-shop/shop";
const recurring = (reset: Reset, amount = 5): Allowance => credits({ type: "Recurring", amount, reset });
const once: Allowance = credits({ type: "OneTime", amount: 5 });

function credits(of: Credits): Allowance {
  return { credits: of, topUps: [{ name: "extra", amount: 2 }] };
}

/** Periods of different kinds side by side: what is spent in one is found again while it runs. */
export function periodsContract(store: () => Store, reopen: () => Promise<Store>): void {
  let sent = 0;
  const spend = (allowance: Allowance, at = noon): Promise<unknown> =>
    store().spool.accept(draft(`m${(sent += 1)}`, { allowance, at }));

  describe("a changed reset", () => {
    test("gives each period its amount once, however often relays with different contracts take turns", async () => {
      const turns = Array.from({ length: 20 }, (_, turn) => recurring(turn % 2 === 0 ? "Daily" : "Monthly"));
      const results: unknown[] = [];
      for (const allowance of turns) results.push(await spend(allowance));
      expect(results.filter((result) => result !== "Exhausted")).toHaveLength(12);
      expect(await (await reopen()).ledger.usage(tenant)).toEqual({
        period: "2026-11",
        used: 5,
        otherPeriods: { "2026-11-22": 5 },
        topUpsUsed: { extra: 2 },
      });
    });

    test("keeps the last period of each kind", async () => {
      for (const reset of ["Daily", "Weekly", "Monthly"] as const) await spend(recurring(reset));
      await spend(once);
      await spend({ credits: { type: "Unlimited" }, topUps: [] });
      await spend(recurring("Daily"), noon + day);
      await spend(recurring("Monthly"), noon + 10 * day);
      expect(await store().ledger.usage(tenant)).toEqual({
        period: "2026-12",
        used: 1,
        otherPeriods: { "2026-11-23": 1, "2026-W47": 1, once: 1, unlimited: 1 },
        topUpsUsed: {},
      });
    });

    test("leaves the row as it was where credits do not cover the message", async () => {
      await spend(recurring("Daily"));
      const before = await store().ledger.usage(tenant);
      expect(await spend({ ...recurring("Monthly", 0), topUps: [] })).toBe("Exhausted");
      expect(await store().ledger.usage(tenant)).toEqual(before);
    });
  });
}
