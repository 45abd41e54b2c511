import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { MoveMark } from "../relay/store/transfer.ts";
import { systemClock } from "../runtime/clock.ts";
import { parseFleet } from "./fleet-file.ts";
import { warnOfUnusedStores } from "./unused-store.ts";

let state: string;
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), "posthouse-unused-"));
});
afterEach(() => rm(state, { recursive: true }));

/** What the log says of a start with this fleet file, on a store that bears this mark. */
async function start(text: string, mark?: MoveMark): Promise<readonly Record<string, unknown>[]> {
  const parsed = parseFleet(text);
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  const lines: string[] = [];
  await warnOfUnusedStores({
    fleet: parsed.fleet,
    state,
    store: { transfer: { mark: () => Promise.resolve(mark) } },
    log: pino({}, { write: (line: string) => void lines.push(line) }),
  });
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const redis = "store: redis://user@redis.example:7000/3";
const place = "Redis at redis.example:7000, database 3";
const arrived = (from: string): MoveMark => ({ kind: "ArrivedFrom", move: "m", place: from, at: Date.now() });

test("who goes from a Redis to a folder hears of the mail that is left there, each time until it was moved", async () => {
  expect(await start("")).toEqual([]);
  expect(await start(redis)).toEqual([]);
  for (const mark of [undefined, arrived("Redis at other.example:6379")])
    expect(await start("", mark)).toMatchObject([
      {
        level: 40,
        redis: place,
        remedy: expect.stringContaining(
          `posthouse store move redis://user@redis.example:7000/3 file:${join(state, "store")}`,
        ),
      },
    ]);
  expect(await start("", arrived(place))).toEqual([]);
  expect(await start("")).toEqual([]);
});

test("the last Redis counts, with its prefix of keys", async () => {
  await start("store: redis://old.example");
  await start("store: redis://new.example\nredis: { keyPrefix: mail }");
  expect(await start("store: file:./elsewhere")).toMatchObject([{ redis: "Redis at new.example:6379, keys mail:" }]);
});

test("what is remembered may be nonsense", async () => {
  await start(redis);
  await writeFile(join(state, "last-redis.json"), "{");
  expect(await start("")).toEqual([]);
});

test("who worked on the Redis again after a move hears of the mail that is left there since", async () => {
  await start(redis);
  const mark = arrived(place);
  await systemClock.sleep(5);
  await start(redis);
  expect(await start("", mark)).toMatchObject([{ level: 40, redis: place }]);
  expect(await start("", arrived(place))).toEqual([]);
});

test("who goes from a folder to a Redis hears of the mail that is left there", async () => {
  await start("");
  expect(await start(redis)).toEqual([]);
  await mkdir(join(state, "store"));
  await writeFile(join(state, "store", "data.mdb"), "");
  expect(await start(redis)).toMatchObject([{ level: 40, path: join(state, "store") }]);
});
