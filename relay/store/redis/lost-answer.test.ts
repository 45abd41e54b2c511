import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { oneRedis } from "../../../test/harness/one-redis.ts";
import { openRedisStore } from "../../../test/harness/redis-store.ts";
import { type SlowProxy, startSlowProxy } from "../../../test/harness/slow-proxy.ts";
import { claimOne, draft, minute, noon } from "../port-suite/fixture.ts";
import type { Delivery, Settlement } from "../spool.ts";
import type { Store } from "../store.ts";

const server = oneRedis();
let proxy: SlowProxy;
let store: Store;

beforeEach(async () => {
  proxy = await startSlowProxy(server().port, 0);
  // Nothing but the call in question is to be answered while an answer is lost.
  const timing = { sample: 600_000, patience: 10_000 };
  store = await openRedisStore(`redis://127.0.0.1:${proxy.port}`, { timing });
  await store.spool.accept(draft("m1", { to: ["a@one.example", "b@two.example"] }));
});
afterEach(async () => {
  await store.close();
  await proxy.close();
});

async function settleUnheard(delivery: Delivery, settlement: Settlement): Promise<boolean> {
  const losing = proxy.loseAnswer();
  const settling = store.spool.settle(delivery, settlement);
  await losing;
  return settling;
}

describe("what became of a delivery, when the answer of Redis is lost", () => {
  test("is known to be written, the message gone", async () => {
    const [first, second] = await store.spool.claim(noon, 2, minute);
    if (first === undefined || second === undefined) throw new Error("nothing is due");
    expect(await settleUnheard(first, { kind: "Done" })).toBe(true);
    expect((await store.queue.list(9)).map(({ key }) => key)).toEqual([second.key]);
    expect(await settleUnheard(second, { kind: "Done" })).toBe(true);
    expect(await store.queue.list(9)).toEqual([]);
  });

  test("is known to be written, to be tried again", async () => {
    const delivery = await claimOne(store.spool, noon);
    const again = { kind: "Again", recipients: delivery.recipients, attempts: 1, dueAt: noon + minute } as const;
    expect(await settleUnheard(delivery, again)).toBe(true);
    expect(await store.queue.list(1)).toMatchObject([{ key: delivery.key, attempts: 1, leased: false }]);
  });

  test("is remembered while Redis is away, however long, and for a while when others settle again", async () => {
    const delivery = await claimOne(store.spool, noon);
    await store.spool.settle(delivery, { kind: "Done" });
    let ago = 400;
    const later = async (): Promise<void> => {
      ago -= 100;
      const [now = "", before = ""] = (await server().ask("HMGET", "posthouse:settled", "now", "before")) as string[];
      await server().ask("RENAME", `posthouse:settled:${now}`, `posthouse:settled:${Number(now) - ago}`);
      await server().ask("HSET", "posthouse:settled", "now", Number(now) - ago, "before", before);
    };
    await later();
    for (const known of [true, true, false]) {
      expect(await store.spool.settle(delivery, { kind: "Done" })).toBe(known);
      const other = await claimOne(store.spool, noon);
      await store.spool.settle(other, { kind: "Again", recipients: other.recipients, attempts: 1, dueAt: noon });
      await later();
    }
    const parts = (await server().ask("KEYS", "posthouse:settled:*")) as string[];
    expect(parts).toHaveLength(2);
    for (const part of parts) expect(Number(await server().ask("PTTL", part))).toBeGreaterThan(20 * 60 * minute);
  });
});
