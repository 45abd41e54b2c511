import { expect, test } from "vitest";
import { keepUntilEnd } from "../../../test/harness/kept.ts";
import { type RedisServer, startRedis } from "../../../test/harness/redis.ts";
import { connectTestRedis } from "../../../test/harness/redis-store.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { claimOne, daily, draft, noon } from "../port-suite/fixture.ts";
import { type Store, StoreUnavailable } from "../store.ts";
import type { RedisConnection } from "./connection.ts";
import { redisStore } from "./store.ts";

const kept = keepUntilEnd();

interface Opened {
  readonly server: RedisServer;
  readonly connection: RedisConnection;
  readonly store: Store;
  /** From now on this relay takes nothing back: it might as well be dead. */
  readonly die: () => void;
}

async function open(): Promise<Opened> {
  const server = await kept(startRedis());
  const connection = await connectTestRedis(server.url, { timing: { patience: 400, sample: 50, inspect: 100 } });
  let dead = false;
  const run: RedisConnection["run"] = (...call) =>
    dead ? Promise.reject(new StoreUnavailable("dead")) : connection.run(...call);
  const clock = { ...systemClock, now: () => noon };
  const store = await kept(redisStore({ connection: { ...connection, run }, prefix: "ph:", clock }));
  return { server, connection, store, die: () => (dead = true) };
}

test("what Redis comes to when its client was told to come again is not taken, also when nobody takes it back", async () => {
  const { server, connection, store, die } = await open();
  await store.spool.accept(draft("m1", { allowance: daily(9) }));
  die();
  server.pause();
  await expect(store.spool.accept(draft("m2", { allowance: daily(9) }))).rejects.toThrow(StoreUnavailable);
  // Longer than the clocks may be apart by what is known of them.
  await systemClock.sleep(200);
  server.resume();
  // Behind the message on the same connection.
  await connection.command("PING");
  expect(await server.ask("ZCARD", "ph:due")).toBe(1);
  expect(await server.ask("EXISTS", "ph:body:m2", "ph:message:m2")).toBe(0);
  expect((await store.ledger.usage("team-shop/shop"))?.used).toBe(1);
});

test("a pause that ends in time changes nothing", async () => {
  const { server, store } = await open();
  server.pause();
  const accepted = store.spool.accept(draft("m1"));
  await new Promise((resolve) => setTimeout(resolve, 100));
  server.resume();
  expect(await accepted).toBe("Accepted");
  expect((await claimOne(store.spool, noon)).envelope.id).toBe("m1");
});
