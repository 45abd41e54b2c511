import { describe, expect, test } from "vitest";
import type { RateLimit } from "../../../contract/rates.ts";
import type { AcceptResult } from "../spool.ts";
import type { Store } from "../store.ts";
import { daily, draft, noon, usedBy } from "./fixture.ts";

const hour = 3_600_000;
const midnight = noon + 12 * hour;
const people = Array.from({ length: 20 }, (_, index) => `p${index}@example.net`);

const tenant = (rate: Omit<RateLimit, "key">): RateLimit => ({ key: "tenant/team-shop/shop", ...rate });
const address = (rate: Omit<RateLimit, "key">): RateLimit => ({ key: "address/2001:db8::/64", ...rate });

/** Recipients that come at a time after noon, and what becomes of them: "ok", or the key that holds and for how long. */
type Step = readonly [recipients: number, after: number, want: "ok" | readonly [key: string, wait: number]];

const courses: readonly [name: string, limits: readonly RateLimit[], steps: readonly Step[]][] = [
  [
    "a burst of one second, then its share",
    [tenant({ perSecond: 4 })],
    [
      [3, 0, "ok"],
      [1, 0, "ok"],
      [1, 0, ["tenant/team-shop/shop", 250]],
      [1, 250, "ok"],
      [2, 250, ["tenant/team-shop/shop", 500]],
    ],
  ],
  [
    "thirds of a second",
    [tenant({ perSecond: 3 })],
    [
      [1, 0, "ok"],
      [1, 0, "ok"],
      [1, 0, "ok"],
      [1, 0, ["tenant/team-shop/shop", 333]],
      [1, 333, "ok"],
      [3, 1333, "ok"],
      [1, 1333, ["tenant/team-shop/shop", 334]],
    ],
  ],
  [
    "a message larger than the burst, which weighs on what follows",
    [tenant({ perSecond: 4 })],
    [
      [20, 0, "ok"],
      [1, 1000, ["tenant/team-shop/shop", 3250]],
      [1, 4250, "ok"],
    ],
  ],
  [
    "a day's count from 00:00 UTC",
    [tenant({ perDay: 5 })],
    [
      [3, 0, "ok"],
      [3, hour, ["tenant/team-shop/shop", 11 * hour]],
      [2, hour, "ok"],
      [1, 12 * hour - 1, ["tenant/team-shop/shop", 1]],
      [5, 12 * hour, "ok"],
    ],
  ],
  [
    "the tightest, because all hold at once; what one refuses the others do not count",
    [tenant({ perSecond: 4, perDay: 6 }), address({ perSecond: 2 })],
    [
      [2, 0, "ok"],
      [2, 0, ["address/2001:db8::/64", 1000]],
      [2, 1000, "ok"],
      [2, 2000, "ok"],
      [1, 2000, ["tenant/team-shop/shop", 12 * hour - 2000]],
    ],
  ],
  [
    "a clock that is a little behind: no more for that",
    [tenant({ perSecond: 2, perDay: 3 })],
    [
      [2, 1000, "ok"],
      [1, 0, ["tenant/team-shop/shop", 1500]],
      [1, 1500, "ok"],
    ],
  ],
  [
    "a clock that is a little behind at midnight: it counts for the day that has begun",
    [tenant({ perDay: 2 })],
    [
      [2, 12 * hour, "ok"],
      [1, 12 * hour - 1, ["tenant/team-shop/shop", 24 * hour + 1]],
    ],
  ],
  [
    "a clock that was hours ahead and is set right: not shut for hours",
    [tenant({ perSecond: 2, perDay: 4 })],
    [
      [2, 6 * hour, "ok"],
      [1, 0, "ok"],
      [1, 500, "ok"],
      [1, 1000, ["tenant/team-shop/shop", 12 * hour - 1000]],
    ],
  ],
  [
    "no limit",
    [],
    [
      [20, 0, "ok"],
      [20, 0, "ok"],
    ],
  ],
];

/** `Charge.rates` and `Ledger.admits`: never one over, all limits or none. */
export function ratesContract(store: () => Store, reopen: () => Promise<Store>): void {
  describe("rates", () => {
    test.each(courses)("hold: %s", async (_, rates, steps) => {
      for (const [index, [recipients, after, want]] of steps.entries()) {
        const to = people.slice(0, recipients);
        const result = await store().spool.accept(draft(`m${index}`, { to, rates, at: noon + after }));
        expect([index, told(result, noon + after)]).toEqual([index, want]);
      }
    });

    asks(store);
    leaveNothing(store);
    last(store, reopen);
  });
}

function told(result: AcceptResult, now: number): unknown {
  if (typeof result === "string") return result === "Accepted" ? "ok" : result;
  expect(Object.keys(result).toSorted()).toEqual(["key", "kind", "retryAt"]);
  return [result.key, result.retryAt - now];
}

function asks(store: () => Store): void {
  test("tell whether they admit one more, and take nothing for the question", async () => {
    const { spool, ledger } = store();
    const rates = [tenant({ perSecond: 4 }), address({ perSecond: 2 })];
    for (const _ of [1, 2, 3]) expect(await ledger.admits(rates, noon)).toBeUndefined();
    expect(await spool.accept(draft("m1", { rates, to: people.slice(0, 2) }))).toBe("Accepted");
    const held = { kind: "RateLimited", key: "address/2001:db8::/64", retryAt: noon + 500 };
    expect(await ledger.admits(rates, noon)).toEqual(held);
    expect(await ledger.admits(rates.slice(0, 1), noon)).toBeUndefined();
    expect(await ledger.admits(rates, noon + 500)).toBeUndefined();
    expect(await ledger.admits([], noon)).toBeUndefined();
    const full = [tenant({ perDay: 2 }), ...rates.slice(1)];
    expect(await ledger.admits(full, noon)).toEqual({
      kind: "RateLimited",
      key: "tenant/team-shop/shop",
      retryAt: midnight,
    });
  });
}

function leaveNothing(store: () => Store): void {
  test("leave nothing of a message that they do not admit", async () => {
    const { spool, queue } = store();
    const rates = [tenant({ perDay: 1 })];
    expect(await spool.accept(draft("m1", { rates, allowance: daily(9) }))).toBe("Accepted");
    expect(await spool.accept(draft("m2", { rates, allowance: daily(9) }))).toMatchObject({ kind: "RateLimited" });
    expect((await queue.list(9)).map(({ envelope }) => envelope.id)).toEqual(["m1"]);
    expect(await spool.content("m2")).toBeUndefined();
    expect(await usedBy(store())).toBe(1);
    expect(await spool.accept(draft("m2", { rates: [], allowance: daily(9) }))).toBe("Accepted");
    expect(await usedBy(store())).toBe(2);
  });

  test("count no message that the credits do not cover, and are told before that", async () => {
    const { spool, ledger } = store();
    const rates = [tenant({ perDay: 1 })];
    expect(await spool.accept(draft("m1", { rates, allowance: daily(0) }))).toBe("Exhausted");
    expect(await ledger.admits(rates, noon)).toBeUndefined();
    expect(await spool.accept(draft("m2", { rates }))).toBe("Accepted");
    expect(await spool.accept(draft("m3", { rates, allowance: daily(0) }))).toMatchObject({ kind: "RateLimited" });
  });

  test("count an id once, and answer it again when they are used up", async () => {
    const { spool } = store();
    const rates = [tenant({ perDay: 2 })];
    for (const _ of [1, 2, 3]) expect(await spool.accept(draft("m1", { rates }))).toBe("Accepted");
    expect(await spool.accept(draft("m2", { rates }))).toBe("Accepted");
    expect(await spool.accept(draft("m3", { rates }))).toMatchObject({ kind: "RateLimited" });
    expect(await spool.accept(draft("m2", { rates }))).toBe("Accepted");
  });

  test("count what costs nothing, and only what is rated", async () => {
    const { spool } = store();
    const rates = [tenant({ perDay: 2 })];
    const free = draft("m1", { rates, allowance: daily(0), to: people.slice(0, 2) });
    const unrated = { ...free, envelope: { ...free.envelope, id: "m2" }, charge: { ...free.charge, recipients: 0 } };
    expect(await spool.accept({ ...unrated, charge: { ...unrated.charge, rated: 0 } })).toBe("Accepted");
    expect(await spool.accept({ ...free, charge: { ...free.charge, recipients: 0 } })).toBe("Accepted");
    expect(await spool.accept(draft("m3", { rates }))).toMatchObject({ kind: "RateLimited" });
  });
}

function last(store: () => Store, reopen: () => Promise<Store>): void {
  test("hold over a restart", async () => {
    const rates = [tenant({ perSecond: 1, perDay: 2 })];
    await store().spool.accept(draft("m1", { rates }));
    const again = await reopen();
    expect(await again.ledger.admits(rates, noon)).toMatchObject({ retryAt: noon + 1000 });
    expect(await again.spool.accept(draft("m2", { rates, at: noon + 1000 }))).toBe("Accepted");
    expect(await (await reopen()).ledger.admits(rates, noon + 5000)).toMatchObject({ retryAt: midnight });
  });

  test.each([
    ["a day", tenant({ perDay: 23 }), midnight],
    ["a second", tenant({ perSecond: 23 }), noon + 43],
  ])("200 at once against 23 in %s: 23 are taken, never one over or under", async (_, limit, retryAt) => {
    const results = await Promise.all(
      Array.from({ length: 200 }, (__, index) => store().spool.accept(draft(`m${index}`, { rates: [limit] }))),
    );
    expect(results.filter((result) => result === "Accepted")).toHaveLength(23);
    expect(new Set(results.map((result) => (typeof result === "object" ? result.retryAt : 0)))).toEqual(
      new Set([0, retryAt]),
    );
    expect(await usedBy(store())).toBe(23);
    expect(await store().queue.list(300)).toHaveLength(23);
  });
}
