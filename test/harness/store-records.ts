import { expect } from "vitest";
import type { Store } from "../../relay/store/store.ts";
import { differences, tallyOf, type Tallies } from "../../relay/store/transfer.ts";

/** What a store holds, counted; what lapses by itself is left out. */
export async function holdings(store: Store, now: number): Promise<Tallies> {
  return tallyOf(store.transfer.export(now + 600_000));
}

/** Both hold the same: every message once, every row of the ledger as it was. */
export function expectSame(one: Tallies, other: Tallies): void {
  expect({ wrong: differences(one, other), one, other }).toMatchObject({ wrong: [] });
}
