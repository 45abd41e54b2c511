import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type RedisServer, startRedis } from "../../test/harness/redis.ts";
import { parseFleet } from "../fleet-file.ts";
import type { Fleet } from "../fleet.ts";
import { checkStore } from "./store.ts";

const servers: RedisServer[] = [];
let state: string;
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), "posthouse-doctor-"));
});
afterEach(async () => {
  await rm(state, { recursive: true });
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
  expect(await checkStore(fleetOf(`store: ${server.url}\n${more}`), state)).toMatchObject([
    { verdict, found: expect.stringMatching(found) },
  ]);
});

test("the embedded store is not asked", async () => {
  expect(await checkStore(fleetOf(""), state)).toEqual([]);
});

test("an embedded store that the fleet file no longer names is pointed out", async () => {
  const path = join(state, "store");
  await mkdir(path);
  const other = fleetOf(`store: file:${join(state, "other")}`);
  expect(await checkStore(other, state)).toEqual([]);
  await writeFile(join(path, "data.mdb"), "");
  const remedy = expect.stringContaining(`posthouse store move file:${path} file:${join(state, "other")}`);
  expect(await checkStore(other, state)).toMatchObject([{ verdict: "Warning", remedy }]);
  expect(await checkStore(fleetOf(`store: file:${path}/`), state)).toEqual([]);
});
