import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openStore } from "../relay/store/lmdb/open-store.ts";
import { draft, unlimited } from "../relay/store/port-suite/fixture.ts";
import { redisStore } from "../relay/store/redis/store.ts";
import type { Store } from "../relay/store/store.ts";
import type { Tallies } from "../relay/store/transfer.ts";
import { systemClock } from "../runtime/clock.ts";
import { takeLock } from "../runtime/lock-file.ts";
import { createLogger } from "../runtime/log.ts";
import { spawnBound } from "../test/harness/bound-process.ts";
import { posthouse } from "../test/harness/posthouse.ts";
import { oneRedis } from "../test/harness/one-redis.ts";
import { plainConnection } from "../test/harness/redis-connection.ts";
import { expectSame, holdings } from "../test/harness/store-records.ts";

const server = oneRedis({ config: { maxmemory: "1gb" } });
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "posthouse-move-"));
});
afterEach(() => rm(folder, { recursive: true }));

const log = createLogger({ level: "silent", destination: { write: () => undefined } });
const main = new URL("main.ts", import.meta.url).pathname;

interface Place {
  readonly address: string;
  readonly open: () => Promise<Store>;
}
const file = (name: string): Place => ({
  address: `file:${join(folder, name)}`,
  open: () => openStore({ path: join(folder, name), clock: systemClock, log }),
});
const redis = (): Place => ({
  address: server().url,
  open: () => redisStore({ connection: plainConnection(server().port), prefix: "posthouse:", clock: systemClock }),
});

async function using<T>(place: Place, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await place.open();
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** Puts messages of two tenants into a store, half of them larger than a batch is. */
async function fill(place: Place, messages = 60): Promise<Tallies> {
  return using(place, async (store) => {
    const at = systemClock.now();
    for (let index = 0; index < messages; index += 1) {
      const content = Buffer.alloc(index % 2 === 0 ? 300 : 90_000, `${index} `);
      const tenant = index % 3 === 0 ? "a/shop" : "b/shop";
      const rates = [{ key: `address/192.0.2.${index % 7}`, perDay: 1000 }];
      const to = ["a@one.example", "b@two.example"];
      const id = `m${String(index).padStart(4, "0")}`;
      await store.spool.accept(draft(id, { at, tenant, content, rates, to, allowance: unlimited }));
    }
    await store.ledger.noteKeyUse("a/shop", "abcdefghijkl", at);
    const { envelope } = draft("c1", { at });
    await store.captures.keep({ envelope, recipients: [], capturedAt: at }, Buffer.from("kept"), 2 ** 20);
    return holdings(store, at);
  });
}

const held = (place: Place): Promise<Tallies> => using(place, (store) => holdings(store, systemClock.now()));

/** Starts a move and kills it `wait` milliseconds after it wrote `sign`; tells whether it was killed. */
async function kill(args: readonly string[], sign: string, wait: number): Promise<boolean> {
  const child: ChildProcess = spawnBound(process.execPath, [main, "store", "move", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const closed = once(child, "close");
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (said.includes(sign)) setTimeout(() => child.kill("SIGKILL"), wait);
  });
  await closed;
  return child.signalCode === "SIGKILL";
}

const directions: readonly [name: string, from: () => Place, to: () => Place][] = [
  ["from LMDB to Redis", () => file("one"), redis],
  ["from Redis to LMDB", redis, () => file("one")],
  ["from LMDB to LMDB", () => file("one"), () => file("two")],
];

describe.each(directions)("posthouse store move %s", (_, makeFrom, makeTo) => {
  test("carries everything, counts both sides, and marks the source", async () => {
    const [from, to] = [makeFrom(), makeTo()];
    const before = await fill(from, 12);
    const done = await posthouse(["store", "move", from.address, to.address]);
    expect(done).toMatchObject({ code: 0 });
    expect(done.stdout).toMatch(/messages +12 +12 +same/);
    expect(done.stdout).toMatch(/credit rows +2 +2 +same/);
    expect(done.stderr).not.toContain("\r");
    expectSame(await held(to), before);
    expectSame(await held(from), before);
    const again = await posthouse(["store", "move", from.address, to.address]);
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout).toContain("already");
    const told = await posthouse(["store", "move", from.address, to.address, "--json"]);
    expect([told.code, JSON.parse(told.stdout)]).toEqual([
      0,
      { state: "MovedBefore", source: expect.any(String), target: expect.any(String) },
    ]);
  });

  test("is finished by another run, wherever it was killed", { timeout: 60_000 }, async () => {
    const [from, to] = [makeFrom(), makeTo()];
    const before = await fill(from);
    const signs = ["is marked as moved", "carrying billed", "carrying messages", "carrying messages"];
    let killed = 0;
    for (const [round, sign] of signs.entries())
      killed += (await kill([from.address, to.address], sign, round * 4)) ? 1 : 0;
    expect(killed).toBeGreaterThan(0);
    const { code, stderr } = await posthouse(["store", "move", from.address, to.address]);
    expect([code, stderr]).toEqual([0, expect.anything()]);
    expectSame(await held(to), before);
    await using(to, async ({ spool }) => {
      const claimed = await spool.claim(systemClock.now(), 1000, 60_000);
      expect(new Set(claimed.map(({ key }) => key)).size).toBe(120);
      expect(claimed).toHaveLength(120);
    });
  });
});

describe("posthouse store move", () => {
  test("refuses a store on which relays work, and leaves it to them", async () => {
    await fill(redis(), 3);
    await using(redis(), async ({ spool }) => {
      const claimed = await spool.claim(systemClock.now(), 1, 60_000);
      const { code, stderr } = await posthouse(["store", "move", server().url, file("one").address]);
      expect([code, stderr]).toEqual([2, expect.stringMatching(/relays work on 1 deliveries of .*: stop them/)]);
      for (const delivery of claimed) expect(await spool.settle(delivery, { kind: "Done" })).toBe(true);
      expect(await spool.claim(systemClock.now(), 9, 1)).toHaveLength(5);
    });
  });

  test("refuses a store that is not empty, one that is not there, and one that is none", async () => {
    await fill(file("one"), 1);
    await fill(file("two"), 1);
    const results = await Promise.all(
      [
        [file("one").address, file("two").address],
        [file("none").address, server().url],
        ["redis://", server().url],
        [server().url, server().url],
      ].map((args) => posthouse(["store", "move", ...args])),
    );
    expect(results.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
    expect(results.map(({ stderr }) => stderr.split(": ").slice(1).join(": ").trim())).toEqual([
      expect.stringContaining("two is not empty"),
      expect.stringContaining("there is no store in"),
      expect.stringContaining("a store address has a host that is none"),
      "FROM and TO are the same store",
    ]);
  });

  test("leaves a store on which nothing starts, and says where it went", async () => {
    const from = file("one");
    await fill(from, 3);
    expect(await posthouse(["store", "move", from.address, file("two").address])).toMatchObject({ code: 0 });
    const fleet = join(folder, "fleet.yaml");
    await writeFile(fleet, `store: ${from.address}\nadmin: { port: 0 }\n`);
    await mkdir(join(folder, "manifests"));
    const args = ["--manifests", join(folder, "manifests"), "--state", join(folder, "state"), "--fleet", fleet];
    const { code, stderr } = await posthouse(["up", ...args]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/cannot be run on: .* were moved to .*two .*unmark/)]);
  });

  test("leaves a Redis on which a relay that was forgotten neither accepts nor claims", async () => {
    await fill(redis(), 3);
    await using(redis(), async ({ spool }) => {
      expect(await posthouse(["store", "move", server().url, file("one").address])).toMatchObject({ code: 0 });
      await expect(spool.claim(systemClock.now(), 1, 60_000)).rejects.toThrow("CLOSED");
      await expect(spool.accept(draft("late"))).rejects.toThrow("CLOSED");
      expect(await posthouse(["store", "unmark", server().url])).toMatchObject({ code: 0 });
      expect(await spool.claim(systemClock.now(), 9, 60_000)).toHaveLength(6);
    });
    expect(await posthouse(["store", "unmark", server().url])).toMatchObject({ code: 1 });
  });

  test("is not at its end where the mark of the source was taken away meanwhile", { timeout: 60_000 }, async () => {
    await fill(redis(), 600);
    const command = [main, "store", "move", server().url, file("one").address];
    const moving = spawnBound(process.execPath, command, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    let unmarked: Promise<unknown> | undefined;
    moving.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("carrying messages"))
        unmarked ??= using(redis(), ({ transfer }) => transfer.setMark(undefined));
    });
    await once(moving, "close");
    await unmarked;
    expect([moving.exitCode, said]).toEqual([1, expect.stringContaining("was taken away meanwhile")]);
    const again = await posthouse(["store", "move", server().url, file("one").address]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("holds part of another move")]);
  });
});

describe("posthouse store unmark", () => {
  test("says what keeps it from the store", async () => {
    const place = file("one");
    await fill(place, 1);
    const lock = await takeLock(join(folder, "one", "in-use.lock"));
    const results = [
      await posthouse(["store", "unmark", place.address]),
      await posthouse(["store", "unmark", "redis://127.0.0.1:9"]),
    ];
    if ("release" in lock) await lock.release();
    expect(results.map(({ code }) => code)).toEqual([2, 2]);
    expect(results.map(({ stderr }) => stderr)).toEqual([
      expect.stringContaining("is in use by process"),
      expect.stringMatching(/^error: Redis at 127\.0\.0\.1:9 cannot be reached/),
    ]);
  });
});
