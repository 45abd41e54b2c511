import { beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../store.ts";
import { claimOne, draft, minute, noon } from "./fixture.ts";

const reply = { at: noon, hop: "mx.example.net [192.0.2.1]", text: "451 4.3.0 later" };

/** `Spool` after acceptance: leases and settlements; and `Queue`, what people see of it. */
export function queueContract(store: () => Store, setClock: (at: number) => void, reopen: () => Promise<Store>): void {
  const spool = (): Store["spool"] => store().spool;
  const queue = (): Store["queue"] => store().queue;
  describe("claim", () => {
    claims(spool);
  });
  describe("renew", () => {
    renews(spool);
  });
  describe("settle", () => {
    beforeEach(async () => {
      await spool().accept(draft("m1", { to: ["a@example.net", "b@example.net", "c@example.org"] }));
    });
    settles({ spool, queue, reopen });
    settlesByToken({ spool, queue });
  });
  describe("list", () => {
    lists({ spool, queue, setClock });
  });
  describe("retry", () => {
    retries({ spool, queue });
  });
}

function claims(spool: () => Store["spool"]): void {
  beforeEach(async () => {
    await spool().accept(draft("m1", { at: noon + 2, to: ["a@example.net", "b@example.org"] }));
    await spool().accept(draft("m2", { at: noon + 1 }));
    await spool().accept(draft("m3", { at: noon + 3 }));
  });

  test("takes what is due, oldest due first, at most the limit", async () => {
    expect(await spool().claim(noon, 10, minute)).toEqual([]);
    expect(keys(await spool().claim(noon + 2, 2, minute))).toEqual(["m2/0", "m1/0"]);
    expect(keys(await spool().claim(noon + 2, 2, minute))).toEqual(["m1/1"]);
    expect(keys(await spool().claim(noon + 3, 2, minute))).toEqual(["m3/0"]);
  });

  test("hands over all that an attempt needs", async () => {
    expect(await claimOne(spool(), noon + 1)).toEqual({
      key: "m2/0",
      envelope: draft("m2", { at: noon + 1 }).envelope,
      domain: "example.net",
      recipients: [{ address: "bob@example.net" }],
      attempts: 0,
      token: 1,
      leaseUntil: noon + 1 + minute,
    });
  });

  test("nobody gets what another holds, until the lease lapses; then with a higher token", async () => {
    const first = await claimOne(spool(), noon + 1, 10);
    expect(keys(await spool().claim(noon + 10, 10, minute))).not.toContain(first.key);
    const again = await claimOne(spool(), noon + 11);
    expect(again.key).toBe(first.key);
    expect(again.token).toBeGreaterThan(first.token);
  });

  test("what two claim at once goes to one of them", async () => {
    const [mine, yours] = await Promise.all([spool().claim(noon + 3, 2, minute), spool().claim(noon + 3, 9, minute)]);
    expect(keys([...mine, ...yours])).toEqual(["m2/0", "m1/0", "m1/1", "m3/0"]);
  });

  test("nextDue is the earliest delivery or lapse, and undefined when nothing is left", async () => {
    expect(await spool().nextDue()).toBe(noon + 1);
    const all = await spool().claim(noon + 3, 10, minute);
    expect(await spool().nextDue()).toBe(noon + 3 + minute);
    for (const delivery of all) await spool().settle(delivery, { kind: "Done" });
    expect(await spool().nextDue()).toBeUndefined();
  });
}

function renews(spool: () => Store["spool"]): void {
  beforeEach(async () => {
    await spool().accept(draft("m1"));
  });

  test("a renewed lease lapses at its new end", async () => {
    const held = await claimOne(spool(), noon, 10);
    expect(await spool().renew(held, noon + minute)).toBe(true);
    expect(await spool().nextDue()).toBe(noon + minute);
    expect(await spool().claim(noon + minute - 1, 10, minute)).toEqual([]);
    expect(await claimOne(spool(), noon + minute)).toMatchObject({ key: held.key });
  });

  test("a lease that lapsed is renewed as long as nobody else has taken it", async () => {
    const held = await claimOne(spool(), noon, 10);
    expect(await spool().renew(held, noon + 3 * minute)).toBe(true);
    expect(await spool().claim(noon + minute, 10, minute)).toEqual([]);
  });

  test("nobody renews what another has claimed, what is settled, or what is not there", async () => {
    const stale = await claimOne(spool(), noon, 10);
    const fresh = await claimOne(spool(), noon + 10);
    expect(await spool().renew(stale, noon + 9 * minute)).toBe(false);
    expect(await spool().nextDue()).toBe(fresh.leaseUntil);
    await spool().settle(fresh, { kind: "Again", recipients: fresh.recipients, attempts: 1, dueAt: noon + minute });
    expect(await spool().renew(fresh, noon + 9 * minute)).toBe(false);
    expect(await spool().renew({ key: "m9/0", token: 1 }, noon + minute)).toBe(false);
    expect(await spool().renew({ key: "nonsense", token: 1 }, noon + minute)).toBe(false);
  });
}

interface Ports {
  readonly spool: () => Store["spool"];
  readonly queue: () => Store["queue"];
}

function settles({ spool, queue, reopen }: Ports & { readonly reopen: () => Promise<Store> }): void {
  test("Done removes the delivery; the last one takes envelope and content along", async () => {
    const net = await claimOne(spool(), noon);
    const org = await claimOne(spool(), noon);
    expect(await spool().settle(net, { kind: "Done" })).toBe(true);
    expect(keys(await queue().list(10))).toEqual(["m1/1"]);
    expect(await spool().content("m1")).toBeDefined();
    expect(await spool().settle(org, { kind: "Done" })).toBe(true);
    expect(await queue().list(10)).toEqual([]);
    expect(await spool().content("m1")).toBeUndefined();
  });

  test("Again keeps the recipients that are left, until they are due", async () => {
    const delivery = await claimOne(spool(), noon);
    const recipients = [{ address: "b@example.net" }];
    const later = noon + 5 * minute;
    const settlement = { kind: "Again", recipients, attempts: 1, dueAt: later, lastReply: reply } as const;
    expect(await spool().settle(delivery, settlement)).toBe(true);
    await (await reopen()).spool.settle(await claimOne(spool(), noon), { kind: "Done" });
    expect(await spool().claim(later - 1, 10, minute)).toEqual([]);
    expect(await claimOne(spool(), later)).toMatchObject({ key: "m1/0", recipients, attempts: 1, lastReply: reply });
  });
}

function settlesByToken({ spool, queue }: Ports): void {
  test("only the latest token settles", async () => {
    const stale = await claimOne(spool(), noon, 10);
    await claimOne(spool(), noon);
    const fresh = await claimOne(spool(), noon + 10);
    expect(fresh.key).toBe(stale.key);
    expect(await spool().settle(stale, { kind: "Done" })).toBe(false);
    expect(await spool().settle(stale, { kind: "Again", recipients: [], attempts: 9, dueAt: noon })).toBe(false);
    expect(await spool().settle(fresh, { kind: "Done" })).toBe(true);
    expect(await spool().settle(stale, { kind: "Done" })).toBe(false);
  });

  test("the token that settled says so again, and changes nothing, whatever came in between", async () => {
    const net = await claimOne(spool(), noon);
    const org = await claimOne(spool(), noon);
    const again = { kind: "Again", recipients: net.recipients, attempts: 1, dueAt: noon + minute } as const;
    expect(await spool().settle(net, again)).toBe(true);
    expect(await spool().settle(net, { ...again, dueAt: noon + 9 * minute })).toBe(true);
    const next = await claimOne(spool(), noon + minute);
    expect(next).toMatchObject({ key: net.key, token: net.token + 1 });
    expect(await spool().settle(net, { kind: "Done" })).toBe(true);
    expect(keys(await queue().list(9))).toEqual(["m1/0", "m1/1"]);
    for (const one of [org, next, org, next, net]) expect(await spool().settle(one, { kind: "Done" })).toBe(true);
    expect(await queue().list(9)).toEqual([]);
  });

  test("a lapsed lease still settles while nobody else has claimed", async () => {
    const delivery = await claimOne(spool(), noon, 10);
    expect(await spool().settle(delivery, { kind: "Done" })).toBe(true);
  });

  test.each(["m1", "m1/7", "other/0", "", "/", "m1/x", "m1/0/0"])("a delivery %j is not there", async (key) => {
    await claimOne(spool(), noon);
    expect(await spool().settle({ key, token: 1 }, { kind: "Done" })).toBe(false);
  });
}

function lists({ spool, queue, setClock }: Ports & { readonly setClock: (at: number) => void }): void {
  beforeEach(async () => {
    for (const id of ["m3", "m1", "m2"]) await spool().accept(draft(id, { to: ["a@example.net", "b@example.org"] }));
  });

  test("shows rows in the order of acceptance, at most the limit, of one message when asked", async () => {
    expect(keys(await queue().list(5))).toEqual(["m1/0", "m1/1", "m2/0", "m2/1", "m3/0"]);
    expect(keys(await queue().list(10, "m2"))).toEqual(["m2/0", "m2/1"]);
    expect(await queue().list(10, "m")).toEqual([]);
  });

  test("goes on behind a row, also when that one is gone", async () => {
    expect(keys(await queue().list(2, undefined, "m1/0"))).toEqual(["m1/1", "m2/0"]);
    expect(keys(await queue().list(9, "m2", "m2/0"))).toEqual(["m2/1"]);
    for (const delivery of await spool().claim(noon, 2, minute)) await spool().settle(delivery, { kind: "Done" });
    expect(keys(await queue().list(2, undefined, "m1/1"))).toEqual(["m2/0", "m2/1"]);
    expect(await queue().list(9, undefined, "m3/1")).toEqual([]);
  });

  test("says what is worked on now", async () => {
    setClock(noon);
    await spool().claim(noon, 1, minute);
    expect(await queue().list(1)).toMatchObject([{ leased: true }]);
    setClock(noon + minute);
    expect(await queue().list(1)).toMatchObject([{ leased: false }]);
  });
}

function retries({ spool, queue }: Ports): void {
  const later = noon + 60 * minute;
  beforeEach(async () => {
    for (const id of ["m1", "m2"]) await spool().accept(draft(id));
    for (const delivery of await spool().claim(noon, 10, minute))
      await spool().settle(delivery, { kind: "Again", recipients: delivery.recipients, attempts: 1, dueAt: later });
  });

  test("makes one message due, or all, and says how many", async () => {
    expect(await queue().retry(noon + 1, "m2")).toBe(1);
    expect(keys(await spool().claim(noon + 1, 10, minute))).toEqual(["m2/0"]);
    expect(await queue().retry(noon + 1)).toBe(1);
    expect(keys(await spool().claim(noon + 1, 10, minute))).toEqual(["m1/0"]);
    expect(await queue().retry(noon + 1, "other")).toBe(0);
  });

  test("leaves what is worked on alone", async () => {
    const held = await claimOne(spool(), later);
    expect(await queue().retry(later)).toBe(1);
    expect(await spool().settle(held, { kind: "Done" })).toBe(true);
  });

  test("reaches every message of a long queue", async () => {
    const ids = Array.from({ length: 1100 }, (_, index) => `n${String(index).padStart(4, "0")}`);
    await Promise.all(ids.map((id) => spool().accept(draft(id, { at: later }))));
    expect(await queue().retry(noon + 1)).toBe(1102);
    expect(await spool().claim(noon + 1, 2000, minute)).toHaveLength(1102);
  });
}

function keys(rows: readonly { readonly key: string }[]): readonly string[] {
  return rows.map((row) => row.key);
}
