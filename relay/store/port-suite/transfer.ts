import type { Allowance } from "../../../contract/credits.ts";
import { describe, expect, test } from "vitest";
import { differences, type MoveMark, recordKinds, type StoreRecord, tallyOf } from "../transfer.ts";
import type { Store } from "../store.ts";
import { claimOne, day, daily, draft, minute, noon, type StoreFixture } from "./fixture.ts";

/** Puts something of every kind into a store, with names that try hard. */
export async function fillStore({ spool, ledger, captures }: Store): Promise<void> {
  const topUps = [
    { name: "used", amount: 3 },
    { name: "__proto__", amount: 3 },
  ];
  const allowance = { ...daily(1), topUps };
  const rates = [
    { key: "tenant/a/shop", perSecond: 0.7 },
    { key: "address/2001:db8::/64", perDay: 9 },
  ];
  const content = Buffer.from(Array.from({ length: 9000 }, (_, at) => at % 256));
  const allowanceBefore: Allowance = { credits: { type: "OneTime", amount: 9 }, topUps: [] };
  await spool.accept(draft("m0", { allowance: allowanceBefore }));
  await spool.settle(await claimOne(spool, noon), { kind: "Done" });
  await spool.accept(draft("m1", { to: ["a@one.example", "b@two.example", "c@two.example"], allowance, rates }));
  await spool.accept(draft("m2", { tenant: "b/shop", content, at: noon + 1 }));
  await spool.accept(draft("m3", { tenant: "b/shop", at: noon + 2 }));
  await spool.accept(draft("m4", { to: ["a@three.example", "a@four.example"], at: noon + 3 }));
  const claimed = await spool.claim(noon + 3, 9, minute);
  const lastReply = { at: noon + 5, hop: "mx.example [192.0.2.1]", text: "451 4.3.0 Später" };
  for (const delivery of claimed) {
    if (delivery.key === "m3/0" || delivery.key === "m4/0") await spool.settle(delivery, { kind: "Done" });
    if (delivery.key !== "m1/1") continue;
    const recipients = delivery.recipients.slice(1);
    await spool.settle(delivery, { kind: "Again", recipients, attempts: 3, dueAt: noon + minute, lastReply });
  }
  await ledger.noteKeyUse("b/shop", "abcdefghijkl", noon);
  const { envelope } = draft("c1", { tenant: "b/shop", environment: "staging" });
  await captures.keep({ envelope, recipients: [{ address: "é@example.net" }], capturedAt: noon }, content, 2 ** 20);
}

/** Kinds in their order; engines tell those of one kind in any, but for messages. */
async function everythingOf({ transfer }: Store, now = noon + minute): Promise<readonly StoreRecord[]> {
  const records = await Array.fromAsync(transfer.export(now));
  return records.toSorted(
    (a, b) => recordKinds.indexOf(a.kind) - recordKinds.indexOf(b.kind) || sortKey(a).localeCompare(sortKey(b)),
  );
}

function sortKey(record: StoreRecord): string {
  return record.kind === "Message" ? "" : JSON.stringify(record);
}

async function* each(records: readonly StoreRecord[]): AsyncGenerator<StoreRecord> {
  yield* records;
}

const makingOf =
  (makeFixture: () => Promise<StoreFixture>) =>
  async (look: (other: Store) => Promise<void>): Promise<void> => {
    const fixture = await makeFixture();
    const other = await fixture.open();
    try {
      await look(other);
    } finally {
      await other.close();
      await fixture.remove();
    }
  };

/** `Transfer`: what leaves one store makes the same of an empty one. */
export function transferContract(
  store: () => Store,
  makeFixture: () => Promise<StoreFixture>,
  reopen: () => Promise<Store>,
): void {
  describe("carrying a store", () => {
    exportContract(store);
    importContract(store, makingOf(makeFixture));
    markContract(store, reopen);
  });
}

function exportContract(store: () => Store): void {
  test("tells everything, in the order of kinds, without leases", async () => {
    await fillStore(store());
    const records = await Array.fromAsync(store().transfer.export(noon + minute));
    expect(records.map(({ kind }) => kind).join(" ")).toBe(
      "Time Usage Usage KeyUse Rate Rate Billed Billed Billed Billed Billed Capture Message Message Message",
    );
    const [first, , last] = records.filter((record) => record.kind === "Message");
    expect(first?.deliveries).toMatchObject([
      { index: 0, domain: "one.example", attempts: 0, dueAt: noon },
      { index: 1, recipients: [{ address: "c@two.example" }], attempts: 3, dueAt: noon + minute },
    ]);
    expect(last?.deliveries.map(({ index }) => index)).toEqual([1]);
  });

  test("leaves out what says nothing any more", async () => {
    await fillStore(store());
    const kinds = new Set((await everythingOf(store(), noon + 3 * day)).map(({ kind }) => kind));
    expect([...kinds].join(" ")).toBe("Time Usage KeyUse Capture Message");
  });

  test("tells nothing of an empty store", async () => {
    expect(await everythingOf(store())).toEqual([]);
  });
}

function importContract(store: () => Store, elsewhere: (look: (other: Store) => Promise<void>) => Promise<void>): void {
  test("makes the same of an empty one, at once and again", async () => {
    await fillStore(store());
    const records = await everythingOf(store());
    await elsewhere(async (other) => {
      for (let round = 0; round < 2; round += 1) {
        await other.transfer.import(each(records), noon + minute);
        expect(await everythingOf(other)).toEqual(records);
      }
      const usage = await other.ledger.usage("team-shop/shop");
      expect(usage).toEqual(await store().ledger.usage("team-shop/shop"));
      expect(usage).toMatchObject({ otherPeriods: { once: 1 } });
      const tallies = await tallyOf(other.transfer.export(noon + minute));
      expect(differences(await tallyOf(store().transfer.export(noon + minute)), tallies)).toEqual([]);
      expect(tallies.Message).toMatchObject({ count: 3, octets: 9000 + 2 * draft("m1").content.byteLength });
    });
  });

  test("goes on where it was: nothing is twice, credits are spent, settled mail makes room", async () => {
    await fillStore(store());
    const records = await everythingOf(store());
    await elsewhere(async (other) => {
      await other.transfer.import(each(records.slice(0, -1)), noon);
      await other.transfer.import(each(records), noon);
      expect(await other.spool.accept(draft("m3", { tenant: "b/shop", at: noon + minute }))).toBe("Accepted");
      const over = draft("m9", { at: noon + minute, to: ["a@x.example", "b@x.example"], allowance: daily(1) });
      expect(await other.spool.accept(over)).toBe("Exhausted");
      const capped = draft("m8", { tenant: "b/shop", at: noon + minute, spoolLimit: 9010 });
      await expect(other.spool.accept(capped)).rejects.toThrow("spool");
      const claimed = await other.spool.claim(noon + minute, 9, minute);
      expect(claimed.map(({ key }) => key)).toEqual(["m1/0", "m2/0", "m4/1", "m1/1"]);
      for (const delivery of claimed) expect(await other.spool.settle(delivery, { kind: "Done" })).toBe(true);
      expect(await other.spool.nextDue()).toBeUndefined();
      expect(await other.spool.content("m2")).toBeUndefined();
      await expect(other.spool.accept(capped)).resolves.toBe("Accepted");
    });
  });
}

function markContract(store: () => Store, reopen: () => Promise<Store>): void {
  test("sees the leases that run", async () => {
    expect(await store().transfer.leases(noon)).toBeUndefined();
    await fillStore(store());
    expect(await store().transfer.leases(noon + 4)).toEqual({ count: 3, until: noon + 3 + minute });
    expect(await store().transfer.leases(noon + 3 + minute)).toBeUndefined();
  });

  const kinds: readonly MoveMark["kind"][] = ["MovedTo", "ArrivingFrom", "ArrivedFrom"];
  test.each(kinds)("keeps the mark %s over a restart, until it is taken away", async (kind) => {
    expect(await store().transfer.mark()).toBeUndefined();
    const mark: MoveMark = { kind, move: "m", place: "Redis at é", at: noon };
    await store().transfer.setMark({ ...mark, kind: kind === "MovedTo" ? "ArrivedFrom" : "MovedTo" });
    await store().transfer.setMark(mark);
    const { transfer } = await reopen();
    expect(await transfer.mark()).toEqual(mark);
    await transfer.setMark(undefined);
    expect(await transfer.mark()).toBeUndefined();
  });
}
