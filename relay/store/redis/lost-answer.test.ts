import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type RedisServer, startRedis } from "../../../test/harness/redis.ts";
import { openRedisStore } from "../../../test/harness/redis-store.ts";
import { type SlowProxy, startSlowProxy } from "../../../test/harness/slow-proxy.ts";
import { claimOne, draft, minute, noon } from "../port-suite/fixture.ts";
import type { Delivery, Settlement } from "../spool.ts";
import type { Store } from "../store.ts";

let server: RedisServer;
let proxy: SlowProxy;
let store: Store;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.close());
beforeEach(async () => {
  await server.ask("FLUSHALL");
  proxy = await startSlowProxy(server.port, 0);
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

  test("is remembered for a while, and then no more", async () => {
    const delivery = await claimOne(store.spool, noon);
    await store.spool.settle(delivery, { kind: "Done" });
    const [name = ""] = (await server.ask("KEYS", "posthouse:settled:*")) as string[];
    expect(Number(await server.ask("PTTL", name))).toBeGreaterThan(10 * minute);
    const part = Number(name.slice(name.lastIndexOf(":") + 1));
    await server.ask("RENAME", name, `posthouse:settled:${part - 1}`);
    expect(await store.spool.settle(delivery, { kind: "Done" })).toBe(true);
    await server.ask("RENAME", `posthouse:settled:${part - 1}`, `posthouse:settled:${part - 2}`);
    expect(await store.spool.settle(delivery, { kind: "Done" })).toBe(false);
  });
});
