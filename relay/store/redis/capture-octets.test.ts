import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../runtime/clock.ts";
import { oneRedis } from "../../../test/harness/one-redis.ts";
import { type PlainConnection, plainConnection } from "../../../test/harness/redis-connection.ts";
import { draft, noon } from "../port-suite/fixture.ts";
import type { Store } from "../store.ts";
import { checkRedis } from "./check.ts";
import { keysUnder } from "./keys.ts";
import { redisStore } from "./store.ts";

const environment = "team-shop/shop/production";

const server = oneRedis();
let connection: PlainConnection;
let store: Store;

beforeEach(async () => {
  connection = plainConnection(server().port);
  store = await redisStore({ connection, prefix: "ph:", clock: { ...systemClock, now: () => noon } });
  for (const id of ["c1", "c2", "c3"]) await keep(id, 2000);
});
afterEach(() => store.close());

function keep(id: string, most: number): Promise<void> {
  const capture = { envelope: draft(id).envelope, recipients: [], capturedAt: noon };
  return store.captures.keep(capture, new Uint8Array(300), most);
}

async function ids(): Promise<readonly string[]> {
  return (await store.captures.list(9)).map(({ envelope }) => envelope.id);
}

test("captures that nobody counted are counted by what comes first, and missed by no check before", async () => {
  await server().ask("DEL", "ph:capture-octets");
  expect((await checkRedis(connection, keysUnder("ph:"))).problems).toEqual([]);
  await keep("c4", 900);
  expect(await ids()).toEqual(["c4", "c3", "c2"]);
  await server().ask("DEL", "ph:capture-octets");
  expect(await store.captures.prune(noon, { retention: 1, maxMessages: 9, maxOctets: 600 })).toBe(1);
  expect(await server().ask("HGETALL", "ph:capture-octets")).toEqual([environment, "600"]);
  expect(await store.captures.prune(noon + 1, { retention: 1, maxMessages: 9, maxOctets: 600 })).toBe(2);
  expect(await server().ask("KEYS", "ph:*")).toEqual(["ph:format"]);
});

test("a wrong count is told, and made right where that is wanted", async () => {
  await server().ask("HSET", "ph:capture-octets", environment, 1);
  const { problems } = await checkRedis(connection, keysUnder("ph:"));
  expect(problems.map(({ kind, what }) => `${kind}: ${what}`)).toEqual([
    `Counter: 1 octets are counted in the captures of ${environment}, there are 900`,
  ]);
  await server().ask("HSET", "ph:capture-octets", "team-shop/shop/gone", 7);
  expect(await checkRedis(connection, keysUnder("ph:"), { repair: true })).toMatchObject({ repaired: 2 });
  expect(await server().ask("HGETALL", "ph:capture-octets")).toEqual([environment, "900"]);
  expect(await checkRedis(connection, keysUnder("ph:"), { repair: true })).toMatchObject({ problems: [], repaired: 0 });
});

test("none is told because captures of one size come and go meanwhile", async () => {
  let asked = 0;
  const busy = {
    ...connection,
    async pipeline(calls: Parameters<typeof connection.pipeline>[0]) {
      if (asked++ === 0) await keep("c4", 900);
      return connection.pipeline(calls);
    },
  };
  expect((await checkRedis(busy, keysUnder("ph:"))).problems).toEqual([]);
  expect(await ids()).toEqual(["c4", "c3", "c2"]);
});
