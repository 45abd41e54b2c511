import { describe, expect, test } from "vitest";
import { StoreFull } from "../spool.ts";
import type { Store } from "../store.ts";
import { claimOne, daily, draft, minute, noon, usedBy } from "./fixture.ts";

const octets = (size: number): Uint8Array => new Uint8Array(size).fill(120);
const limited = (id: string, size: number, tenant = "team-shop/shop"): ReturnType<typeof draft> =>
  draft(id, { tenant, content: octets(size), spoolLimit: 1000, allowance: daily(9) });

/** `Charge.spoolLimit`: a tenant has so many octets of content in the spool, and gets room again when they go. */
export function spoolLimitContract(store: () => Store, reopen: () => Promise<Store>): void {
  describe("a tenant's room in the spool", () => {
    test("is used to the last octet; what does not fit leaves nothing", async () => {
      const { spool, queue } = store();
      expect(await spool.accept(limited("m1", 600))).toBe("Accepted");
      await expect(spool.accept(limited("m2", 401))).rejects.toThrow(StoreFull);
      expect(await usedBy(store())).toBe(1);
      expect(await spool.content("m2")).toBeUndefined();
      expect(await queue.list(9)).toHaveLength(1);
      expect(await spool.accept(limited("m2", 400))).toBe("Accepted");
      await expect(spool.accept(limited("m3", 1))).rejects.toThrow(StoreFull);
      expect(await usedBy(store())).toBe(2);
    });

    test("is its own: others have theirs, and without a cap there is none", async () => {
      const { spool } = store();
      await spool.accept(limited("m1", 1000));
      expect(await spool.accept(limited("m2", 1000, "team-shop/other"))).toBe("Accepted");
      expect(await spool.accept(draft("m3", { content: octets(5000) }))).toBe("Accepted");
      await expect(spool.accept(limited("m4", 1))).rejects.toThrow(StoreFull);
    });

    test("comes back with the last delivery of a message, over a restart", async () => {
      await store().spool.accept({
        ...limited("m1", 1000),
        deliveries: ["a", "b"].map((domain) => ({ domain, recipients: [{ address: `bob@${domain}` }] })),
      });
      const again = await reopen();
      await again.spool.settle(await claimOne(again.spool, noon), { kind: "Done" });
      await expect(again.spool.accept(limited("m2", 1))).rejects.toThrow(StoreFull);
      const second = await claimOne(again.spool, noon);
      const later = { recipients: second.recipients, attempts: 1, dueAt: noon + minute };
      await again.spool.settle(second, { kind: "Again", ...later });
      await expect(again.spool.accept(limited("m2", 1))).rejects.toThrow(StoreFull);
      await again.spool.settle(await claimOne(again.spool, noon + minute), { kind: "Done" });
      expect(await (await reopen()).spool.accept(limited("m2", 1000))).toBe("Accepted");
    });

    shares(store);
  });
}

function shares(store: () => Store): void {
  test("is taken once by an id, which is answered again when there is none", async () => {
    const { spool } = store();
    for (const _ of [1, 2, 3]) expect(await spool.accept(limited("m1", 1000))).toBe("Accepted");
    await spool.settle(await claimOne(spool, noon), { kind: "Done" });
    expect(await spool.accept(limited("m1", 1000))).toBe("Accepted");
    expect(await spool.accept(limited("m2", 1000))).toBe("Accepted");
  });

  test("is told before rates and credits, and takes nothing of either", async () => {
    const { spool, ledger } = store();
    const rates = [{ key: "tenant/team-shop/shop", perDay: 1 }];
    const over = { content: octets(1001), spoolLimit: 1000, rates };
    await expect(spool.accept(draft("m1", { ...over, allowance: daily(0) }))).rejects.toThrow(StoreFull);
    await expect(spool.accept(draft("m1", over))).rejects.toThrow(StoreFull);
    expect(await usedBy(store())).toBe(0);
    expect(await ledger.admits(rates, noon)).toBeUndefined();
    expect(await spool.accept(draft("m1", { rates }))).toBe("Accepted");
    await expect(spool.accept(draft("m2", over))).rejects.toThrow(StoreFull);
  });

  test("100 at once for ten places: ten are taken", async () => {
    const all = Array.from({ length: 100 }, (_, index) => store().spool.accept(draft(`m${index}`, place)));
    const outcomes = await Promise.allSettled(all);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
    expect(await store().queue.list(200)).toHaveLength(10);
  });
}

const place = { content: octets(100), spoolLimit: 1000 };
