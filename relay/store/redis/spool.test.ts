import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../runtime/clock.ts";
import { oneRedis } from "../../../test/harness/one-redis.ts";
import { type PlainConnection, plainConnection } from "../../../test/harness/redis-connection.ts";
import { claimOne, daily, draft, minute, noon, usedBy } from "../port-suite/fixture.ts";
import { StoreFull } from "../spool.ts";
import { type Store, StoreUnavailable } from "../store.ts";
import { billedPart } from "./accept-script.ts";
import type { RedisConnection } from "./connection.ts";
import { redisStore } from "./store.ts";

const clock = { ...systemClock, now: () => noon };
const midnight = noon + 12 * 60 * minute;

const server = oneRedis();
let connection: PlainConnection;
let store: Store;

function open(over: RedisConnection): Promise<Store> {
  return redisStore({ connection: over, prefix: "ph:", clock });
}

beforeEach(async () => {
  connection = plainConnection(server().port);
  store = await open(connection);
});
afterEach(async () => {
  await server().ask("CONFIG", "SET", "maxmemory", 0);
  await store.close();
});

describe("accepting a message in Redis", () => {
  test("lets go of ids that nobody asks for any more, with the first of another half hour", async () => {
    const part = Math.floor(noon / billedPart);
    for (const back of [4, 3, 2]) await server().ask("SADD", `ph:billed:${part - back}`, "m0");
    for (const id of ["m1", "m2"]) await store.spool.accept(draft(id));
    expect((await server().ask("KEYS", "ph:billed:*")) as string[]).toHaveLength(3);
    expect(await server().ask("EXISTS", `ph:billed:${part - 3}`)).toBe(0);
  });

  test("takes one round trip", async () => {
    const before = connection.roundTrips();
    await store.spool.accept(draft("m1"));
    // The scripts are not known yet: the batch is sent once more.
    expect(connection.roundTrips() - before).toBeLessThanOrEqual(2);
    const known = connection.roundTrips();
    await store.spool.accept(
      draft("m2", { allowance: daily(9), rates: [{ key: "a", perSecond: 9 }], spoolLimit: 999 }),
    );
    expect(connection.roundTrips() - known).toBe(1);
  });

  test("leaves a content that loses its expiry, and nothing else that has one but ids and rates", async () => {
    await store.spool.accept(draft("m1"));
    expect(await server().ask("PTTL", "ph:body:m1")).toBe(-1);
    const billed = (await server().ask("KEYS", "ph:billed:*")) as readonly [string];
    expect(await server().ask("PTTL", billed[0])).toBeGreaterThan(90 * minute);
  });

  test("of a relay that died before its script nothing stays but a content that goes by itself", async () => {
    const dying = await open({ ...connection, commit: (calls) => connection.pipeline(calls.slice(0, 1)) });
    await expect(dying.spool.accept(draft("m1"))).rejects.toThrow(TypeError);
    expect(((await server().ask("KEYS", "*")) as string[]).toSorted()).toEqual(["ph:body:m1", "ph:format"]);
    expect(await server().ask("PTTL", "ph:body:m1")).toBeGreaterThan(0);
    expect(await store.spool.accept(draft("m1"))).toBe("Accepted");
    // Nor does one that died with an id that is spooled already put an expiry on its content.
    await expect(dying.spool.accept(draft("m1"))).rejects.toThrow(TypeError);
    expect(await server().ask("PTTL", "ph:body:m1")).toBe(-1);
  });

  test("bills nothing when the content is not there any more", async () => {
    const losing = await open({
      ...connection,
      commit: async (calls) => [null, ...(await connection.pipeline(calls.slice(1)))],
    });
    await expect(losing.spool.accept(draft("m1", { allowance: daily(9) }))).rejects.toThrow(StoreUnavailable);
    expect(await usedBy(store)).toBe(0);
    expect(await store.queue.list(9)).toEqual([]);
  });

  test("asks again when another relay's clock has opened a period", async () => {
    const other = await open(connection);
    expect(await other.spool.accept(draft("m1", { at: midnight, allowance: daily(1) }))).toBe("AcceptedLast");
    expect(await store.spool.accept(draft("m2", { at: noon, allowance: daily(1) }))).toBe("Exhausted");
    expect(await store.spool.accept(draft("m3", { at: noon, allowance: daily(2) }))).toBe("AcceptedLast");
    expect((await store.ledger.usage("team-shop/shop"))?.period).toBe("2026-11-23");
  });

  test("leaves no content of what it refused", async () => {
    await store.spool.accept(draft("m1", { allowance: daily(0) }));
    expect(await server().ask("EXISTS", "ph:body:m1")).toBe(0);
    await store.spool.accept(draft("m2"));
    await store.spool.settle(await claimOne(store.spool, noon), { kind: "Done" });
    await store.spool.accept(draft("m2"));
    expect(await server().ask("EXISTS", "ph:body:m2")).toBe(0);
  });

  test("is refused while the memory is nearly full", async () => {
    connection.setFull(true);
    await expect(store.spool.accept(draft("m1"))).rejects.toThrow(StoreFull);
  });
});

describe("with no memory left", () => {
  test("nothing is accepted, and all that was is delivered, shown and settled", async () => {
    for (const id of ["m1", "m2"]) await store.spool.accept(draft(id));
    await server().ask("CONFIG", "SET", "maxmemory", 1);
    await expect(store.spool.accept(draft("m3"))).rejects.toThrow(/OOM/);
    const [first, second] = await store.spool.claim(noon, 2, minute);
    if (first === undefined || second === undefined) throw new Error("nothing is due");
    expect(await store.spool.renew(first, noon + 2 * minute)).toBe(true);
    expect(await store.queue.list(9)).toHaveLength(2);
    expect(await store.spool.content("m1")).toBeDefined();
    const later = { kind: "Again", recipients: second.recipients, attempts: 1, dueAt: noon + minute } as const;
    expect(await store.spool.settle(second, later)).toBe(true);
    expect(await store.queue.retry(noon)).toBe(1);
    expect(await store.ledger.time(noon + minute)).toBe(noon + minute);
    expect(await store.spool.settle(first, { kind: "Done" })).toBe(true);
    expect(await usedBy(store)).toBe(2);
  });
});

test("a format that this version does not know is refused", async () => {
  await server().ask("SET", "ph:format", "2");
  await expect(open(connection)).rejects.toThrow(/has format 2, this version of Posthouse reads format 1/);
});
