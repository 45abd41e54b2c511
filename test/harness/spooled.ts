import { expect } from "vitest";
import { isIntact } from "./numbered-content.ts";
import { withStore } from "./with-store.ts";

/** Exactly these messages of the store child are spooled at `path`, whole, and `used` credits were billed. */
export async function expectSpooled(
  path: string,
  ids: readonly string[],
  of: { readonly size: number; readonly used: number },
): Promise<void> {
  await withStore(path, async (store) => {
    expect((await store.queue.list(1000)).map((row) => row.envelope.id)).toEqual(ids);
    for (const id of ids)
      expect({ id, intact: isIntact(id, of.size, await store.spool.content(id)) }).toEqual({ id, intact: true });
    expect((await store.ledger.usage("team-shop/shop"))?.used).toBe(of.used);
  });
}
