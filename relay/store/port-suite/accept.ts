import { describe, expect, test } from "vitest";
import { StoreUnavailable } from "../store.ts";
import type { AcceptResult } from "../spool.ts";
import type { Store } from "../store.ts";
import { claimOne, daily, day, draft, noon, usedBy } from "./fixture.ts";

/** `Spool.accept` and the ledger: what is spooled is billed, once, and nothing else is. */
export function acceptContract(store: () => Store, reopen: () => Promise<Store>): void {
  describe("accept", () => {
    spools(store, reopen);
    bills(store, reopen);
    remembers(store);
    crosses(store);
    refuses(store);
  });
  describe("the store's clock", () => {
    clock(store, reopen);
  });
}

function spools(store: () => Store, reopen: () => Promise<Store>): void {
  test("keeps envelope, recipients and content as they came, over a restart", async () => {
    const message = draft("m1", { to: ["a@example.net", "b@example.org", "c@example.net"], content: octets(70_000) });
    expect(await store().spool.accept(message)).toBe("Accepted");
    const again = await reopen();
    expect(await again.queue.list(10)).toEqual([
      row(message, 0, "example.net", ["a@example.net", "c@example.net"]),
      row(message, 1, "example.org", ["b@example.org"]),
    ]);
    expect(Buffer.from((await again.spool.content("m1")) ?? []).equals(octets(70_000))).toBe(true);
    expect(await usedBy(again)).toBe(3);
  });

  test.each([1, 4080, 4081, 100_000, 3_000_000])("keeps a content of %i octets", async (size) => {
    await store().spool.accept(draft("m1", { content: octets(size) }));
    expect(Buffer.compare((await store().spool.content("m1")) ?? Buffer.alloc(0), octets(size))).toBe(0);
  });

  test("keeps an empty content", async () => {
    await store().spool.accept(draft("m1", { content: Buffer.alloc(0) }));
    expect((await store().spool.content("m1"))?.byteLength).toBe(0);
  });

  test("does not keep the caller's buffer: it may be used again", async () => {
    const content = Buffer.from("first");
    await store().spool.accept(draft("m1", { content }));
    content.write("other");
    expect(Buffer.from((await store().spool.content("m1")) ?? []).toString()).toBe("first");
  });
}

function bills(store: () => Store, reopen: () => Promise<Store>): void {
  test("bills and spools an id once, however often it comes", async () => {
    const message = draft("m1", { allowance: daily(10), to: ["a@example.net", "b@example.net"] });
    const results = await Promise.all([1, 2, 3].map(() => store().spool.accept(message)));
    expect(results).toEqual(["Accepted", "Accepted", "Accepted"]);
    const again = await reopen();
    expect(await again.spool.accept(message)).toBe("Accepted");
    expect(await usedBy(again)).toBe(2);
    expect(await again.queue.list(10)).toHaveLength(1);
  });

  test("does not take a settled message for a new one when its id comes again", async () => {
    await store().spool.accept(draft("m1"));
    await store().spool.settle(await claimOne(store().spool, noon), { kind: "Done" });
    expect(await store().spool.accept(draft("m1"))).toBe("Accepted");
    expect(await store().queue.list(10)).toEqual([]);
    expect(await usedBy(store())).toBe(1);
  });

  test("leaves nothing when the credits do not cover all recipients", async () => {
    const message = draft("m1", { allowance: daily(2), to: ["a@example.net", "b@example.org", "c@example.com"] });
    expect(await store().spool.accept(message)).toBe("Exhausted");
    expect(await store().queue.list(10)).toEqual([]);
    expect(await store().spool.content("m1")).toBeUndefined();
    expect(await store().ledger.usage("team-shop/shop")).toBeUndefined();
    expect(await store().spool.nextDue()).toBeUndefined();
  });

  test("takes the same id when there are credits again", async () => {
    const exhausted = draft("m1", { allowance: daily(0) });
    expect(await store().spool.accept(exhausted)).toBe("Exhausted");
    expect(await store().spool.accept(draft("m1", { allowance: daily(1) }))).toBe("AcceptedLast");
  });

  test("200 at once against 123 credits: 123 are taken, never one over or under", async () => {
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, index) => store().spool.accept(draft(name(index), { allowance: daily(123) }))),
    );
    expect(results.filter((result) => result !== "Exhausted")).toHaveLength(123);
    expect(new Set(results).size).toBe(4);
    expect(await usedBy(store())).toBe(123);
    expect(await store().queue.list(300)).toHaveLength(123);
  });

  test("counts tenants apart", async () => {
    await store().spool.accept(draft("m1", { tenant: "a/one", allowance: daily(1) }));
    expect(await store().spool.accept(draft("m2", { tenant: "a/two", allowance: daily(1) }))).toBe("AcceptedLast");
    expect(await store().spool.accept(draft("m3", { tenant: "a/one", allowance: daily(1) }))).toBe("Exhausted");
  });

  test("takes a message without a price from a tenant without credits", async () => {
    const free = draft("m1", { allowance: daily(0) });
    expect(await store().spool.accept({ ...free, charge: { ...free.charge, recipients: 0 } })).toBe("Accepted");
    expect(await usedBy(store())).toBe(0);
  });
}

function remembers(store: () => Store): void {
  test.each([9, 1])(
    "takes an id that is still in the spool for the message that it is, however late: %i credits",
    async (amount) => {
      const message = draft("m1", { allowance: daily(amount) });
      await store().spool.accept(message);
      const late = noon + 3 * 3_600_000;
      const leased = await claimOne(store().spool, late);
      await store().ledger.time(late);
      expect(await store().spool.accept(message)).toBe("Accepted");
      expect(await store().spool.content("m1")).toBeDefined();
      expect(await usedBy(store())).toBe(1);
      expect(await store().spool.settle(leased, { kind: "Done" })).toBe(true);
      expect(await store().spool.nextDue()).toBeUndefined();
    },
  );

  test("knows the id of a settled message for an hour", async () => {
    const { spool, ledger } = store();
    const message = draft("m1", { allowance: daily(1) });
    await spool.accept(message);
    await spool.settle(await claimOne(spool, noon), { kind: "Done" });
    const late = noon + 59 * 60_000;
    await ledger.time(late);
    expect(await spool.claim(late, 9, 1)).toEqual([]);
    expect(await spool.accept(message)).toBe("Accepted");
    expect(await spool.nextDue()).toBeUndefined();
    expect(await spool.content("m1")).toBeUndefined();
  });
}

function acceptOf({ spool }: Store, id: string, amount: number, at = noon): Promise<AcceptResult> {
  return spool.accept(draft(id, { allowance: daily(amount), at }));
}

function crosses(store: () => Store): void {
  test("tells with which message the credits are low, and with which they are gone, once until there are more", async () => {
    for (const index of Array.from({ length: 8 }).keys())
      expect(await acceptOf(store(), `m${index}`, 10)).toBe("Accepted");
    expect(await acceptOf(store(), "low", 10)).toBe("AcceptedLow");
    expect(await acceptOf(store(), "low", 10)).toBe("Accepted");
    expect(await acceptOf(store(), "last", 10)).toBe("AcceptedLast");
    expect(await acceptOf(store(), "over", 10)).toBe("Exhausted");
    expect(await acceptOf(store(), "more", 12)).toBe("AcceptedLow");
    expect(await acceptOf(store(), "all", 12)).toBe("AcceptedLast");
    expect(await acceptOf(store(), "tomorrow", 12, noon + day)).toBe("Accepted");
  });

  test("200 at once against 123 credits: one is the one with which they are low, one the last", async () => {
    const results = await Promise.all(Array.from({ length: 200 }, (_, index) => acceptOf(store(), name(index), 123)));
    const counts = ["Accepted", "AcceptedLow", "AcceptedLast", "Exhausted"].map(
      (wanted) => results.filter((result) => result === wanted).length,
    );
    expect(counts).toEqual([121, 1, 1, 77]);
  });
}

function refuses(store: () => Store): void {
  test("a message that cannot be spooled takes no other with it", async () => {
    const broken = { ...draft("m2"), deliveries: [] };
    const outcomes = await Promise.allSettled(
      [draft("m1"), broken, draft("m3")].map((one) => store().spool.accept(one)),
    );
    expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((await store().queue.list(10)).map((one) => one.envelope.id)).toEqual(["m1", "m3"]);
    expect(await usedBy(store())).toBe(2);
  });

  test("finishes what was begun before it closes, and refuses what comes later", async () => {
    const accepted = store().spool.accept(draft("m1"));
    await store().close();
    expect(await accepted).toBe("Accepted");
    await expect(store().spool.accept(draft("m2"))).rejects.toThrow(StoreUnavailable);
    await expect(store().queue.list(1)).rejects.toThrow(StoreUnavailable);
  });
}

function clock(store: () => Store, reopen: () => Promise<Store>): void {
  test("never runs back, not even over a restart", async () => {
    expect(await store().ledger.time(noon)).toBe(noon);
    expect(await store().ledger.time(noon - day)).toBe(noon);
    expect(await (await reopen()).ledger.time(noon - day)).toBe(noon);
  });

  test("opens a period when its time has come, with nothing used", async () => {
    const { spool } = store();
    expect(await spool.accept(draft("m1", { allowance: daily(1) }))).toBe("AcceptedLast");
    expect(await spool.accept(draft("m2", { allowance: daily(1) }))).toBe("Exhausted");
    expect(await spool.accept(draft("m3", { allowance: daily(1), at: noon + day }))).toBe("AcceptedLast");
    expect(await usedBy(store())).toBe(1);
  });

  test("does not open an old period again when the clock jumps back", async () => {
    await store().spool.accept(draft("m1", { allowance: daily(1), at: noon + day }));
    const again = await reopen();
    expect(await again.spool.accept(draft("m2", { allowance: daily(1), at: noon }))).toBe("Exhausted");
    expect(await again.ledger.time(noon)).toBe(noon + day);
  });

  test("delivers at once what was accepted after the clock jumped back", async () => {
    await store().spool.accept(draft("m1", { at: noon + day }));
    await store().spool.accept(draft("m2", { at: noon }));
    expect((await claimOne(store().spool, noon)).envelope.id).toBe("m2");
  });
}

function row(message: ReturnType<typeof draft>, index: number, domain: string, to: readonly string[]): unknown {
  return {
    key: `${message.envelope.id}/${index}`,
    envelope: message.envelope,
    domain,
    recipients: to.map((address) => ({ address })),
    attempts: 0,
    dueAt: message.envelope.acceptedAt,
    leased: false,
  };
}

function octets(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, index) => (index * 31) % 256));
}

function name(index: number): string {
  return `m${String(index).padStart(4, "0")}`;
}
