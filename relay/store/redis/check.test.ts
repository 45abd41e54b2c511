import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../runtime/clock.ts";
import { oneRedis } from "../../../test/harness/one-redis.ts";
import { type PlainConnection, plainConnection } from "../../../test/harness/redis-connection.ts";
import { claimOne, draft, noon } from "../port-suite/fixture.ts";
import type { Store } from "../store.ts";
import { checkRedis, type RedisReport } from "./check.ts";
import type { RedisConnection } from "./connection.ts";
import { keysUnder } from "./keys.ts";
import { redisStore } from "./store.ts";

const server = oneRedis();
const keys = keysUnder("ph:");
const tenant = "team-shop/shop";
let connection: PlainConnection;
let store: Store;
beforeEach(async () => {
  connection = plainConnection(server().port);
  store = await redisStore({ connection, prefix: "ph:", clock: { ...systemClock, now: () => noon } });
  for (const id of ["m1", "m2", "m3"]) await store.spool.accept(draft(id, { content: new Uint8Array(100) }));
});
afterEach(() => store.close());

/** Checks while something happens before a question that begins so. */
function checkWhile(question: string, happen: () => Promise<unknown>): Promise<RedisReport> {
  let happened = false;
  const busy: RedisConnection = {
    ...connection,
    async command(...words) {
      if (!happened && words.join(" ").startsWith(question)) {
        happened = true;
        await happen();
      }
      return connection.command(...words);
    },
  };
  return checkRedis(busy, keys);
}

/** One message goes, another of its size comes: the counter is what it was. */
async function turnOver(): Promise<void> {
  await store.spool.settle(await claimOne(store.spool, noon), { kind: "Done" });
  await store.spool.accept(draft("n1", { content: new Uint8Array(100) }));
}

const whats = ({ problems }: RedisReport): readonly string[] => problems.map(({ kind, what }) => `${kind}: ${what}`);
const wrong = `Counter: 1300 octets are counted in the spool of ${tenant}, there are 300`;

describe.each([
  ["at one moment", {}],
  ["on several walks, where there are many", { countable: 1 }],
])("the octets in the spool, counted %s", (_, options) => {
  test("are not called wrong because messages come and go meanwhile", async () => {
    let asked = 0;
    const pipeline: RedisConnection["pipeline"] = async (calls) => {
      if (asked++ === 0) await turnOver();
      return connection.pipeline(calls);
    };
    expect(whats(await checkRedis({ ...connection, pipeline }, keys, options))).toEqual([]);
    expect(await server().ask("HGET", "ph:spooled", tenant)).toBe("300");
  });

  test("are called wrong when they are", async () => {
    await server().ask("HINCRBY", "ph:spooled", tenant, 1000);
    expect(whats(await checkRedis(connection, keys, options))).toEqual([wrong]);
    expect(await server().ask("HGET", "ph:spooled", tenant)).toBe("1300");
  });

  test("are made right where that is wanted, those too of which nothing is there", async () => {
    await server().ask("HINCRBY", "ph:spooled", tenant, 1000);
    await server().ask("HSET", "ph:spooled", "team-shop/gone", 5);
    const report = await checkRedis(connection, keys, { ...options, repair: true });
    expect([report.problems.length, report.repaired]).toEqual([2, 2]);
    expect(await server().ask("HGETALL", "ph:spooled")).toEqual([tenant, "300"]);
    await server().ask("DEL", "ph:spooled");
    expect(await checkRedis(connection, keys, { ...options, repair: true })).toMatchObject({ repaired: 1 });
    expect(await server().ask("HGETALL", "ph:spooled")).toEqual([tenant, "300"]);
  });
});

test("a content is no orphan because its message is accepted while somebody looks", async () => {
  const id = "m4";
  await server().ask("SET", "ph:body:m4", "x".repeat(100), "PX", 60_000);
  const report = await checkWhile("PTTL ph:body:m4", async () => {
    await store.spool.accept(draft(id, { content: Buffer.alloc(100, "x") }));
  });
  expect(report.problems).toEqual([]);
});

test("a capture is no orphan because it goes while somebody looks", async () => {
  const capture = { envelope: draft("c1").envelope, recipients: [], capturedAt: noon };
  await store.captures.keep(capture, new Uint8Array(100), 1000);
  await server().ask("DEL", "ph:captured:c1");
  const report = await checkWhile("EXISTS ph:capture:c1", () =>
    server().ask("DEL", "ph:capture:c1", "ph:capture-octets"),
  );
  expect(report.problems).toEqual([]);
});
