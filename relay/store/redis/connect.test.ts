import { describe, expect, test } from "vitest";
import { keepUntilEnd } from "../../../test/harness/kept.ts";
import { startRedis, startReplica, startSentinel } from "../../../test/harness/redis.ts";
import { connectTestRedis } from "../../../test/harness/redis-store.ts";
import { unhinderedTime } from "../../../test/harness/unhindered-time.ts";
import { until } from "../../../test/harness/until.ts";
import { StoreFull } from "../spool.ts";
import { StoreUnavailable } from "../store.ts";
import type { ConnectOptions, WatchedRedis } from "./connect.ts";
import { ReplicasLate } from "./replicated.ts";
import { defineScript } from "./script.ts";

const kept = keepUntilEnd();
const now = unhinderedTime();

function connect(url: string, changes: Partial<ConnectOptions> = {}): Promise<WatchedRedis> {
  return kept(connectTestRedis(url, changes));
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly took: number; readonly outcome: T | Error }> {
  const began = now();
  const outcome = await work().catch((error: unknown) => error as Error);
  return { took: now() - began, outcome };
}

const set = (name: string, value: string) => ({ command: "SET", args: [name, value] });
const append = defineScript("append", `#!lua\nreturn redis.call('INCR', KEYS[1])`);

describe("a connection to Redis", () => {
  test("runs commands, batches and scripts, also those that were forgotten", async () => {
    const server = await kept(startRedis());
    const redis = await connect(server.url);
    expect(await redis.commit([set("a", "1"), { command: "GET", args: ["a"] }])).toEqual([
      Buffer.from("OK"),
      Buffer.from("1"),
    ]);
    expect(await redis.run(append, ["n"], [])).toBe(1);
    await server.ask("SCRIPT", "FLUSH");
    const batch = [set("b", "2"), { script: append, keys: ["n"], args: [] }];
    expect(await redis.pipeline(batch)).toEqual([Buffer.from("OK"), 2]);
    await expect(redis.command("GETDEL")).rejects.toThrow(/wrong number/);
    await redis.close();
    await expect(redis.command("GET", "a")).rejects.toThrow(StoreUnavailable);
  });

  test("says that a script may not be loaded, at once", async () => {
    const server = await kept(startRedis());
    const redis = await connect(server.url);
    await server.ask("ACL", "SETUSER", "default", "-script|load");
    const { took, outcome } = await timed(() => redis.run(append, ["n"], []));
    expect(String(outcome)).toMatch(/does not permit a command to this user \(NOPERM\)/);
    expect(took).toBeLessThan(1000);
  });

  test.each([
    [{ appendonly: "no" }, /appendonly is no.*redis\.conf:\nappendonly yes$/s],
    [{ appendfsync: "everysec" }, /appendfsync is everysec.*\nappendfsync always$/s],
    [{ "maxmemory-policy": "allkeys-lru" }, /\nmaxmemory-policy noeviction$/],
    [{ "rename-command": 'CONFIG ""' }, /durability: Declared/],
    [{ "cluster-enabled": "yes" }, /Redis Cluster/],
  ])("refuses %o and says what to do", async (config, why) => {
    const server = await kept(startRedis({ config }));
    await expect(connect(server.url)).rejects.toThrow(why);
  });

  test("takes another's word where it is given", async () => {
    const server = await kept(startRedis({ config: { "rename-command": 'CONFIG ""' } }));
    const redis = await connect(server.url, { durability: "Declared" });
    expect(redis.condition()).toMatchObject({ durability: "Declared", refuses: undefined });
    const careless = await kept(startRedis({ config: { appendonly: "no" } }));
    expect(await (await connect(careless.url, { durability: "None" })).ready()).toBe(true);
  });

  test("says who cannot be reached, and who does not let it in", async () => {
    const server = await kept(startRedis({ config: { requirepass: "hunter2" } }));
    await expect(connect(server.url)).rejects.toThrow(/wants a password/);
    const passwords = { server: async () => "hunter3", sentinel: async () => undefined };
    await expect(connect(server.url, { passwords })).rejects.toThrow(/refuses the user name or the password/);
    const right = { ...passwords, server: async () => "hunter2" };
    expect(await (await connect(server.url, { passwords: right })).ready()).toBe(true);
  });

  test("takes no mail as soon as a setting is changed, and all else goes on", async () => {
    const server = await kept(startRedis());
    const redis = await connect(server.url);
    await server.ask("CONFIG", "SET", "appendfsync", "everysec");
    await until("it is noticed", async () => ((await redis.ready()) ? undefined : true));
    await expect(redis.commit([set("a", "1")])).rejects.toThrow(/takes no mail: appendfsync is everysec/);
    expect(await redis.run(append, ["n"], [])).toBe(1);
    await server.ask("CONFIG", "SET", "appendfsync", "always");
    await until("it is noticed", async () => ((await redis.ready()) ? true : undefined));
    await redis.commit([set("a", "1")]);
  });

  test("is full at four fifths of the memory", async () => {
    const server = await kept(startRedis({ config: { maxmemory: "64mb" } }));
    const redis = await connect(server.url);
    expect(redis.full()).toBe(false);
    const body = Buffer.alloc(2 ** 20);
    for (let i = 0; i < 60 && !redis.full(); i += 1) await redis.commit([{ command: "SET", args: [`b${i}`, body] }]);
    expect(redis.full()).toBe(true);
    const { limit } = redis.condition().memory;
    await until("it was asked", async () => (redis.condition().memory.used > limit / 2 ? true : undefined));
    expect(redis.condition().memory.used).toBeLessThan(limit);
    const fill = async (): Promise<void> => {
      for (let i = 0; i < 60; i += 1) await redis.command("SET", `c${i}`, body);
    };
    await expect(fill()).rejects.toThrow(StoreFull);
    expect(await redis.command("UNLINK", ...Array.from({ length: 60 }, (_, i) => `c${i}`))).toBeGreaterThan(0);
  });
});

describe("while Redis is away", () => {
  test("what is asked waits a moment, then fails within two seconds, and all goes on when it is back", async () => {
    const server = await kept(startRedis());
    const redis = await connect(server.url);
    await server.kill();
    const away = await timed(() => redis.commit([set("a", "1")]));
    expect(String(away.outcome)).toMatch(/StoreUnavailable: Redis at .* cannot be reached: ECONNREFUSED/);
    expect(away.took).toBeLessThan(2000);
    const large = await timed(() => redis.commit([set("a", "1".repeat(20 * 2 ** 20))]));
    expect(large.outcome).toBeInstanceOf(StoreUnavailable);
    expect(large.took).toBeLessThan(2000);
    expect(await redis.ready()).toBe(false);
    await server.start();
    await until("it is ready", async () => ((await redis.ready()) ? true : undefined));
    expect(await redis.commit([set("a", "1")])).toEqual([Buffer.from("OK")]);
  });

  test("a paused one costs nobody more than two seconds, and is used again", async () => {
    const server = await kept(startRedis());
    const redis = await connect(server.url);
    server.pause();
    const all = await Promise.all(
      Array.from({ length: 5000 }, () => timed(() => redis.commit([set("a", "1".repeat(100))]))),
    );
    expect(Math.max(...all.map(({ took }) => took))).toBeLessThan(2000);
    expect(all.every(({ outcome }) => outcome instanceof StoreUnavailable)).toBe(true);
    server.resume();
    const back = await timed(() => redis.commit([set("a", "2")]));
    expect(back.outcome).toEqual([Buffer.from("OK")]);
  });

  test("a restart in between is not even noticed, with answers that were lost", async () => {
    const server = await kept(startRedis());
    const redis = await connect(server.url);
    const stop = new AbortController();
    let done = 0;
    const worker = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        await redis.run(append, ["n"], []);
        done += 1;
      }
    };
    const workers = Array.from({ length: 20 }, worker);
    await until("they are at it", async () => (done > 200 ? true : undefined));
    await server.kill();
    await server.start();
    const then = done;
    await until("they are at it again", async () => (done > then + 200 ? true : undefined));
    stop.abort();
    await Promise.all(workers);
    // Each was done once at least; what was lost on the way may have been done twice.
    const count = Number(await server.ask("GET", "n"));
    expect(count).toBeGreaterThanOrEqual(done);
    expect(count).toBeLessThanOrEqual(done + 20);
  });
});

describe("with a replica", () => {
  test.each(["redis", "valkey"] as const)(
    "%s: what is confirmed is there too, or it is not confirmed",
    async (engine) => {
      const primary = await kept(startRedis({ engine }));
      const replica = await kept(startReplica(primary, { engine }));
      const redis = await connect(primary.url, { replicas: 1, replicaTimeout: 2500 });
      await until("it is ready", async () => ((await redis.ready()) ? true : undefined));
      const all = await Promise.all(Array.from({ length: 100 }, (_, i) => redis.commit([set(`k${i}`, "1")])));
      expect(all).toHaveLength(100);
      expect(await replica.ask("DBSIZE")).toBe(100);
      replica.pause();
      const late = await timed(() => redis.commit([set("late", "1")]));
      expect(late.outcome).toBeInstanceOf(ReplicasLate);
      expect(String(late.outcome)).toMatch(engine === "valkey" ? /on disk/ : /in memory/);
      expect(late.took).toBeLessThan(3500);
      replica.resume();
      await until("it follows again", () => redis.commit([set("again", "1")]).catch(() => undefined));
      await replica.kill();
      await until("it is missed", async () => ((await redis.ready()) ? undefined : true));
      await expect(redis.commit([set("b", "1")])).rejects.toThrow(/0 of 1 replicas follow/);
    },
  );

  test("a failover by Sentinel is followed", async () => {
    const primary = await kept(startRedis());
    const replica = await kept(startReplica(primary));
    const sentinel = await kept(startSentinel(primary));
    const url = `redis+sentinel://127.0.0.1:${sentinel.port}/posthouse`;
    await expect(connect(url)).rejects.toThrow(/redis\.replicas/);
    const redis = await connect(url, { durability: "Declared" });
    await redis.command("SET", "a", "1");
    await until("the Sentinel knows the replica", async () => {
      const known = await sentinel.ask("SENTINEL", "REPLICAS", "posthouse");
      return Array.isArray(known) && known.length === 1 && (await replica.ask("GET", "a")) === "1" ? true : undefined;
    });
    await primary.kill();
    await until("the new primary is used", () => redis.command("SET", "a", "2").catch(() => undefined));
    expect(await replica.ask("GET", "a")).toBe("2");
  });
});
