import { describe, expect, test } from "vitest";
import { judgeDurability } from "./durability.ts";
import { readInfo, refuseServer } from "./facts.ts";

const info = (lines: readonly string[]): string => ["# Server", ...lines, ""].join("\r\n");
const redis7 = [
  "redis_version:7.0.15",
  "redis_mode:standalone",
  "role:master",
  "connected_slaves:2",
  "loading:0",
  "aof_enabled:1",
];

describe("what a server says of itself", () => {
  test("is read", () => {
    const memory = ["used_memory:1000", "mem_not_counted_for_evict:100", "maxmemory:5000"];
    expect(readInfo(info([...redis7, ...memory]))).toEqual({
      version: [7, 0],
      product: "Redis 7.0.15",
      waitsForDisk: false,
      mode: "standalone",
      role: "master",
      loading: false,
      appendsOnly: true,
      replicas: 2,
      memory: { used: 900, limit: 5000 },
    });
  });

  test.each([
    ["Redis 7.0", redis7, /^$/],
    ["Redis 7.2", ["redis_version:7.2.4", "redis_mode:standalone"], /^$/],
    ["Redis 10", ["redis_version:10.0.0", "redis_mode:standalone"], /^$/],
    ["Redis 6.2", ["redis_version:6.2.14", "redis_mode:standalone"], /Redis 6\.2\.14: Redis 7\.0 or/],
    ["a cluster", ["redis_version:7.2.4", "redis_mode:cluster"], /Cluster/],
    ["a cluster by another word", ["redis_version:7.2.4", "cluster_enabled:1"], /Cluster/],
    ["a Sentinel", ["redis_version:7.2.4", "redis_mode:sentinel"], /redis\+sentinel/],
    ["nothing known", [], /least/],
  ])("%s may be used or not", (_name, lines, why) => {
    expect(refuseServer(readInfo(info(lines))) ?? "").toMatch(why);
  });

  test.each([
    [["redis_version:7.0.15"], false, "Redis 7.0.15"],
    [["redis_version:7.2.0"], true, "Redis 7.2.0"],
    [["redis_version:7.2.4", "valkey_version:8.1.1"], true, "Valkey 8.1.1"],
  ])("%s: WAITAOF %s", (lines, waits, product) => {
    expect(readInfo(info(lines))).toMatchObject({ waitsForDisk: waits, product });
  });
});

const good = {
  appendonly: "yes",
  appendfsync: "always",
  "no-appendfsync-on-rewrite": "no",
  "maxmemory-policy": "noeviction",
};
const facts = { replicas: 0, memory: { used: 1, limit: 100 }, role: "master" } as const;

describe("durability", () => {
  test("is right", () => {
    const input = { facts, settings: good, replicas: 0, failsOver: false };
    expect(judgeDurability(input)).toEqual({ problems: [], warnings: [] });
  });

  test.each([
    ["appendonly", "no", "appendonly yes"],
    ["appendfsync", "everysec", "appendfsync always"],
    ["appendfsync", "no", "appendfsync always"],
    ["no-appendfsync-on-rewrite", "yes", "no-appendfsync-on-rewrite no"],
    ["maxmemory-policy", "allkeys-lru", "maxmemory-policy noeviction"],
    ["maxmemory-policy", "volatile-ttl", "maxmemory-policy noeviction"],
  ])("%s %s is refused with the line to write", (name, value, line) => {
    const settings = { ...good, [name]: value };
    const { problems } = judgeDurability({ facts, settings, replicas: 1, failsOver: true });
    expect(problems).toHaveLength(1);
    expect(problems[0]?.split("\n").slice(1)).toEqual([line]);
    expect(problems[0]).toContain(`${name} is ${value}`);
  });

  test("all that is wrong is said at once", () => {
    const settings = { ...good, appendonly: "no", appendfsync: "everysec", "maxmemory-policy": "allkeys-lfu" };
    const { problems } = judgeDurability({ facts, settings, replicas: 0, failsOver: false });
    expect(problems[0]).toMatch(/appendonly yes\nappendfsync always\nmaxmemory-policy noeviction$/);
  });

  test("what is not told is not taken for right", () => {
    const { problems } = judgeDurability({ facts, settings: {}, replicas: 0, failsOver: false });
    expect(problems[0]).toMatch(/appendonly is unknown.*\nappendonly yes\nappendfsync always\n/s);
  });

  test("settings that cannot be read, Sentinels without a replica, and memory without a limit", () => {
    const forbidden = judgeDurability({ facts, settings: undefined, replicas: 0, failsOver: false });
    expect(forbidden.problems.join()).toMatch(/Declared/);
    const alone = judgeDurability({ facts, settings: good, replicas: 0, failsOver: true });
    expect(alone.problems.join()).toMatch(/redis\.replicas/);
    const boundless = { ...facts, memory: { used: 1, limit: 0 } };
    const open = judgeDurability({ facts: boundless, settings: good, replicas: 0, failsOver: false });
    expect(open).toMatchObject({ problems: [], warnings: [expect.stringMatching(/maxmemory/)] });
  });
});
