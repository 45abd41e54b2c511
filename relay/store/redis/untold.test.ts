import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../../runtime/clock.ts";
import { keepUntilEnd } from "../../../test/harness/kept.ts";
import { startRedis, startReplica } from "../../../test/harness/redis.ts";
import { plainConnection } from "../../../test/harness/redis-connection.ts";
import { connectTestRedis } from "../../../test/harness/redis-store.ts";
import { until } from "../../../test/harness/until.ts";
import { daily, draft, noon, usedBy } from "../port-suite/fixture.ts";
import { StoreFull } from "../spool.ts";
import { type Store, StoreUnavailable } from "../store.ts";
import type { ConnectOptions, WatchedRedis } from "./connect.ts";
import { ReplicasLate } from "./replicated.ts";
import { redisStore } from "./store.ts";

const kept = keepUntilEnd();

async function open(url: string, changes: Partial<ConnectOptions> = {}) {
  const redis: WatchedRedis = await connectTestRedis(url, changes);
  await until("it is ready", async () => ((await redis.ready()) ? true : undefined));
  const clock = { ...systemClock, now: () => noon };
  return { redis, store: await kept(redisStore({ connection: redis, prefix: "ph:", clock })) };
}

describe("of what a client is not told to be accepted nothing stays", () => {
  test.each(["redis", "valkey"] as const)(
    "%s: asked again on a new connection, replicas still count",
    async (engine) => {
      const primary = await kept(startRedis({ engine }));
      const replica = await kept(startReplica(primary, { engine }));
      const { store } = await open(primary.url, { replicas: 1, replicaTimeout: 1500 });
      expect(await store.spool.accept(draft("m1"))).toBe("Accepted");
      replica.pause();
      const unsure = store.spool.accept(draft("m2")).catch(String);
      await until("it was taken", async () =>
        (await primary.ask("EXISTS", "ph:message:m2")) === 1 ? true : undefined,
      );
      await primary.ask("CLIENT", "KILL", "TYPE", "normal");
      expect(await unsure).toMatch(/0 of 1 replicas had a message/);
      expect((await store.queue.list(9)).map(({ key }) => key)).toEqual(["m1/0"]);
      replica.resume();
    },
  );

  test("when replicas may take longer than any other step", async () => {
    const primary = await kept(startRedis());
    const replica = await kept(startReplica(primary));
    const { store } = await open(primary.url, { replicas: 1, replicaTimeout: 2500 });
    replica.pause();
    await expect(store.spool.accept(draft("m1"))).rejects.toThrow(/in memory after 2500 ms/);
    expect(await store.queue.list(9)).toEqual([]);
    replica.resume();
  });

  test("when its user may not wait for replicas", async () => {
    const primary = await kept(startRedis());
    await kept(startReplica(primary));
    const { store } = await open(primary.url, { replicas: 1 });
    await primary.ask("ACL", "SETUSER", "default", "-wait");
    const accepting = store.spool.accept(draft("m1", { allowance: daily(9) }));
    await expect(accepting).rejects.toThrow(/cannot be waited for: NOPERM/);
    expect(await store.queue.list(9)).toEqual([]);
    expect(await usedBy(store)).toBe(0);
  });

  test("when Redis comes back with settings that lose mail", async () => {
    const server = await kept(startRedis());
    const { store } = await open(server.url);
    await server.kill();
    const file = join(server.folder, "server.conf");
    await writeFile(file, (await readFile(file, "utf8")).replace("appendfsync always", "appendfsync no"));
    const accepting = store.spool.accept(draft("m1")).catch(String);
    await server.start();
    expect(await accepting).toMatch(/any more: appendfsync is no/);
    await until("it is taken back", async () => ((await store.queue.list(9)).length === 0 ? true : undefined));
  });

  test("and nothing is written for what was never sent", async () => {
    const server = await kept(startRedis());
    const { redis, store } = await open(server.url);
    await server.ask("CONFIG", "SET", "appendfsync", "everysec");
    await until("it is noticed", async () => ((await redis.ready()) ? undefined : true));
    await expect(store.spool.accept(draft("m1"))).rejects.toThrow(/takes no mail: appendfsync/);
    await redis.command("PING");
    expect(await server.ask("KEYS", "*")).toEqual(["ph:format"]);
  });

  test("nor of what comes only after it was taken back", async () => {
    const server = await kept(startRedis());
    const plain = plainConnection(server.port);
    const late: (() => Promise<unknown>)[] = [];
    const slow = {
      ...plain,
      commit: (calls: Parameters<typeof plain.commit>[0]) => {
        late.push(() => plain.commit(calls));
        return Promise.reject(new StoreUnavailable("no answer"));
      },
    };
    const store = await kept(
      redisStore({ connection: slow, prefix: "ph:", clock: { ...systemClock, now: () => noon } }),
    );
    const accepting = store.spool.accept(draft("m1", { allowance: daily(9) }));
    await expect(accepting).rejects.toThrow(StoreUnavailable);
    await until(
      "it is taken back",
      async () => ((await server.ask("KEYS", "ph:billed:*")) as string[]).length || undefined,
    );
    await late[0]?.();
    expect(await store.queue.list(9)).toEqual([]);
    expect(await usedBy(store)).toBe(0);
    expect(await server.ask("EXISTS", "ph:body:m1")).toBe(0);
  });

  test("unless somebody delivers it already: then it is accepted", async () => {
    const server = await kept(startRedis());
    const plain = plainConnection(server.port);
    const busy = {
      ...plain,
      commit: async (calls: Parameters<typeof plain.commit>[0]) => {
        await plain.commit(calls);
        await store.spool.claim(noon, 1, 60_000);
        throw new ReplicasLate("too few");
      },
    };
    const clock = { ...systemClock, now: () => noon };
    const store: Store = await kept(redisStore({ connection: busy, prefix: "ph:", clock }));
    expect(await store.spool.accept(draft("m1", { allowance: daily(9) }))).toBe("Accepted");
    expect(await store.queue.list(9)).toHaveLength(1);
    expect(await usedBy(store)).toBe(1);
  });

  test("nor of what it took of a day, and a limit by the second has it back by itself", async () => {
    const server = await kept(startRedis());
    const plain = plainConnection(server.port);
    const late = {
      ...plain,
      commit: async (calls: Parameters<typeof plain.commit>[0]) => {
        await plain.commit(calls);
        throw new ReplicasLate("too few");
      },
    };
    const clock = { ...systemClock, now: () => noon };
    const store: Store = await kept(redisStore({ connection: plain, prefix: "ph:", clock }));
    const unsure: Store = await kept(redisStore({ connection: late, prefix: "ph:", clock }));
    const rates = [
      { key: "day", perDay: 2 },
      { key: "both", perDay: 9, perSecond: 1 },
    ];
    const to = ["a@example.net", "b@example.net"];
    await expect(unsure.spool.accept(draft("m1", { to, rates }))).rejects.toThrow(StoreUnavailable);
    expect(await server.ask("HMGET", "ph:rate:both", "day", "count")).toEqual(["20779", "0"]);
    expect(await store.spool.accept(draft("m2", { to, rates: rates.slice(0, 1) }))).toBe("Accepted");
    expect(await store.ledger.admits(rates.slice(1), noon)).toEqual({
      kind: "RateLimited",
      key: "both",
      retryAt: noon + 2000,
    });
    expect(await store.ledger.admits(rates.slice(1), noon + 2000)).toBeUndefined();
  });

  test("nor of its credits, whatever period is charged meanwhile", async () => {
    const server = await kept(startRedis());
    const plain = plainConnection(server.port);
    const clock = { ...systemClock, now: () => noon };
    const store: Store = await kept(redisStore({ connection: plain, prefix: "ph:", clock }));
    const late = {
      ...plain,
      commit: async (calls: Parameters<typeof plain.commit>[0]) => {
        await plain.commit(calls);
        await store.spool.accept(draft("m2"));
        throw new ReplicasLate("too few");
      },
    };
    const unsure: Store = await kept(redisStore({ connection: late, prefix: "ph:", clock }));
    await expect(unsure.spool.accept(draft("m1", { allowance: daily(9) }))).rejects.toThrow(StoreUnavailable);
    expect(await store.ledger.usage("team-shop/shop")).toEqual({
      period: "unlimited",
      used: 1,
      otherPeriods: { "2026-11-22": 0 },
      topUpsUsed: {},
    });
  });

  test("however often that must be tried, with a pause after each", async () => {
    const server = await kept(startRedis());
    const plain = plainConnection(server.port);
    let [failures, pauses] = [60, 0];
    const clock = {
      now: () => noon,
      after: (delay: number, callback: () => void) => {
        pauses += delay > 100 ? 1 : 0;
        setImmediate(callback);
        return () => undefined;
      },
    };
    const failing = {
      ...plain,
      commit: async (calls: Parameters<typeof plain.commit>[0]) => {
        await plain.commit(calls);
        // The answer was lost, and when it was asked again the memory was full.
        throw new StoreFull("no room");
      },
      run: (...call: Parameters<typeof plain.run>) =>
        pauses < 30 && failures-- > 0 ? Promise.reject(new StoreUnavailable("busy")) : plain.run(...call),
    };
    const store = await kept(redisStore({ connection: failing, prefix: "ph:", clock }));
    await expect(store.spool.accept(draft("m1"))).rejects.toThrow(StoreFull);
    await until("it is gone", async () => ((await server.ask("EXISTS", "ph:message:m1")) === 0 ? true : undefined));
    expect(pauses).toBe(30);
  });

  test("of many whose answers do not come", { timeout: 60_000 }, async () => {
    const server = await kept(startRedis());
    const { store } = await open(server.url);
    server.pause();
    const many = Array.from({ length: 2000 }, (_, at) => store.spool.accept(draft(`m${at}`)));
    const outcomes = await Promise.allSettled(many);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toEqual([]);
    server.resume();
    const left = (): Promise<unknown> => server.ask("KEYS", "ph:message:*");
    await until("they are gone", async () => ((await left()) as string[]).length === 0 || undefined, 20_000);
    // What comes late finds that it was taken back.
    const rows = await until("it answers", () => store.queue.list(9).catch(() => undefined), 20_000);
    expect(rows).toEqual([]);
  });
});
