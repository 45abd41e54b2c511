import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../runtime/clock.ts";
import { createLogger } from "../../../runtime/log.ts";
import { startRedis, type RedisServer } from "../../../test/harness/redis.ts";
import { plainConnection } from "../../../test/harness/redis-connection.ts";
import { openStore } from "../lmdb/open-store.ts";
import { type Course, course, tenants } from "../port-suite/course.ts";
import { day, noon } from "../port-suite/fixture.ts";
import { note, takeStep, type World } from "../port-suite/take-step.ts";
import type { Store } from "../store.ts";
import { redisStore } from "./store.ts";

/** Nothing here is to outlive the test: where there is a disk in memory LMDB need not wait for a real one. */
const memoryFolder = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

let server: RedisServer;
let folder: string;
let stores: readonly [Store, Store];
const clock = { ...systemClock, at: noon, now: () => clock.at };

beforeAll(async () => {
  server = await startRedis({ config: { appendonly: "no" } });
  folder = await mkdtemp(join(memoryFolder, "posthouse-same-"));
  const log = createLogger({ level: "silent", destination: { write: () => undefined } });
  stores = [
    await openStore({ path: folder, clock, log }),
    await redisStore({ connection: plainConnection(server.port), prefix: "same:", clock }),
  ];
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await server.close();
  await rm(folder, { recursive: true });
});

let courses = 0;

test("Redis answers as LMDB does, whatever the course of things", { timeout: 60_000 }, async () => {
  const same = fc.asyncProperty(course, take);
  await expect(fc.assert(same, { numRuns: 300, seed: 11 })).resolves.toBeUndefined();
});

/** One course; the clock never runs back, so each starts at a noon after the last one. Nothing of it stays behind but ledgers. */
async function take({ allowances, steps }: Course): Promise<void> {
  courses += 1;
  const world: World = {
    of: String(courses).padStart(5, "0"),
    now: Math.floor(clock.at / day + 4) * day - day / 2,
    allowances,
    sent: [],
    claimed: new Map(),
  };
  try {
    for (const [index, one] of steps.entries()) {
      clock.at = world.now;
      await both([index, one], (store) => takeStep(store, one, world));
      note(one, world);
    }
    await compareAll(world);
  } finally {
    clock.at = world.now + day;
    await Promise.all(stores.map(drain));
  }
}

/** Both answers, which must be one. Rejections count by their name. */
async function both(what: unknown, ask: (store: Store) => Promise<unknown>): Promise<unknown> {
  const answers = await Promise.all(
    stores.map((store) => ask(store).catch((error: unknown) => (error instanceof Error ? error.name : "rejected"))),
  );
  expect([what, answers[1]]).toEqual([what, answers[0]]);
  return answers[0];
}

async function compareAll(world: World): Promise<void> {
  await both("queue", (store) => store.queue.list(999));
  await both("captures", (store) => store.captures.list(99));
  await both("clock", (store) => store.ledger.time(0));
  for (const tenant of tenants) await both(tenant, (store) => store.ledger.usage(`${tenant}-${world.of}`));
  for (const { id } of world.sent) await both(id, (store) => store.spool.content(id));
}

async function drain(store: Store): Promise<void> {
  for (const one of await store.spool.claim(clock.at + 10 * day, 9999, 1))
    await store.spool.settle(one, { kind: "Done" });
  await store.captures.prune(clock.at, { retention: 0, maxMessages: 0, maxOctets: 0 });
}
