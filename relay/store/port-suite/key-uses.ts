import { describe, expect, test } from "vitest";
import type { Store } from "../store.ts";
import { day, minute, noon } from "./fixture.ts";

const hour = 60 * minute;

/** `Ledger.noteKeyUse` and `keysUsed`: which API keys are in use, in steps of an hour. */
export function keyUsesContract(store: () => Store, reopen: () => Promise<Store>): void {
  describe("uses of keys", () => {
    test("are told by tenant and key, as the start of the hour, over a restart", async () => {
      const { ledger } = store();
      expect(await ledger.keysUsed("a/shop")).toEqual({});
      await ledger.noteKeyUse("a/shop", "one", noon + 59 * minute);
      await ledger.noteKeyUse("a/shop", "two", noon + 61 * minute);
      await ledger.noteKeyUse("a/shop2", "three", noon);
      const again = await reopen();
      expect(await again.ledger.keysUsed("a/shop")).toEqual({ one: noon, two: noon + hour });
      expect(await again.ledger.keysUsed("a/shop2")).toEqual({ three: noon });
    });

    test("never run back", async () => {
      const { ledger } = store();
      await ledger.noteKeyUse("a/shop", "one", noon);
      await ledger.noteKeyUse("a/shop", "one", noon - day);
      expect(await ledger.keysUsed("a/shop")).toEqual({ one: noon });
    });

    test("are noted once when many come at once", async () => {
      const { ledger } = store();
      await Promise.all(Array.from({ length: 50 }, (_, i) => ledger.noteKeyUse("a/shop", "one", noon + i * minute)));
      expect(await ledger.keysUsed("a/shop")).toEqual({ one: noon });
    });

    test("are forgotten after more than a year", async () => {
      const { ledger } = store();
      await ledger.noteKeyUse("a/shop", "old", noon);
      await ledger.noteKeyUse("b/shop", "other", noon);
      await ledger.noteKeyUse("a/shop", "new", noon + 400 * day);
      expect(await ledger.keysUsed("a/shop")).toEqual({ new: noon + 400 * day });
      expect(await ledger.keysUsed("b/shop")).toEqual({ other: noon });
    });
  });
}
