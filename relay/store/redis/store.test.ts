import { afterAll, beforeAll } from "vitest";
import { systemClock } from "../../../runtime/clock.ts";
import { startRedis, type RedisServer } from "../../../test/harness/redis.ts";
import { plainConnection } from "../../../test/harness/redis-connection.ts";
import { noon } from "../port-suite/fixture.ts";
import { storeContract } from "../port-suite/store-contract.ts";
import { redisStore } from "./store.ts";

let server: RedisServer;
let places = 0;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.close());

storeContract("Redis", async () => {
  const prefix = `place-${(places += 1)}:`;
  const clock = { at: noon };
  return {
    clock,
    open: () =>
      redisStore({ connection: plainConnection(server.port), prefix, clock: { ...systemClock, now: () => clock.at } }),
    remove: () => Promise.resolve(),
  };
});
