import { describe, expect, test } from "vitest";
import { keepUntilEnd } from "./kept.ts";
import { startRedis, startReplica, startSentinel } from "./redis.ts";
import { until } from "./until.ts";

const kept = keepUntilEnd();

describe("a Redis for tests", () => {
  test("keeps what it was told over a kill", async () => {
    const redis = await kept(startRedis());
    await redis.ask("SET", "name", "value");
    await redis.kill();
    await expect(redis.ask("GET", "name")).rejects.toThrow(/closed|refused/i);
    await redis.start();
    expect(await redis.ask("GET", "name")).toBe("value");
  });

  test("stands still while it is paused, and ends all the same", async () => {
    const redis = await kept(startRedis());
    redis.pause();
    const answer = redis.ask("PING");
    redis.resume();
    expect(await answer).toBe("PONG");
    redis.pause();
    await redis.stop();
    await expect(redis.ask("PING")).rejects.toThrow(/closed|refused/i);
  });

  test("has a replica, and a Sentinel that makes it the primary", async () => {
    const primary = await kept(startRedis({ engine: "valkey" }));
    const replica = await kept(startReplica(primary, { engine: "valkey" }));
    await primary.ask("SET", "name", "value");
    await until("the replica has it", async () => ((await replica.ask("GET", "name")) === "value" ? true : undefined));
    const sentinel = await kept(startSentinel(primary));
    await until("the Sentinel knows the replica", async () => {
      const known = await sentinel.ask("SENTINEL", "REPLICAS", "posthouse");
      return Array.isArray(known) && known.length === 1 ? true : undefined;
    });
    await primary.kill();
    await until("the replica is the primary", async () => {
      const role = await replica.ask("ROLE");
      return Array.isArray(role) && role[0] === "master" ? true : undefined;
    });
    expect(await replica.ask("GET", "name")).toBe("value");
  });
});
