import { afterEach, expect, test } from "vitest";
import { type RedisServer, startRedis } from "../../test/harness/redis.ts";
import { parseFleet } from "../fleet-file.ts";
import type { Fleet } from "../fleet.ts";
import { checkStore } from "./store.ts";

const servers: RedisServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

function fleetOf(text: string): Fleet {
  const parsed = parseFleet(text);
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.fleet;
}

test.each<{ name: string; config: Record<string, string>; more: string; verdict: string; found: RegExp }>([
  { name: "right", config: { maxmemory: "1gb" }, more: "", verdict: "Good", found: /durability Verified$/ },
  { name: "boundless", config: {}, more: "", verdict: "Warning", found: /no maxmemory/ },
  { name: "not durable", config: { appendonly: "no" }, more: "", verdict: "Bad", found: /\nappendonly yes$/ },
  { name: "for trying out", config: {}, more: "durability: None", verdict: "Warning", found: /durability None/ },
  { name: "alone", config: {}, more: "redis: {replicas: 1}", verdict: "Bad", found: /0 of 1 replicas/ },
])("a Redis that is $name", async ({ config, more, verdict, found }) => {
  const server = await startRedis({ config });
  servers.push(server);
  expect(await checkStore(fleetOf(`store: ${server.url}\n${more}`), "data")).toMatchObject([
    { verdict, found: expect.stringMatching(found) },
  ]);
});

test("the embedded store is not asked", async () => {
  expect(await checkStore(fleetOf(""), "data")).toEqual([]);
});
