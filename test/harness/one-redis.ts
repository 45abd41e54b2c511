import { afterAll, beforeAll, beforeEach } from "vitest";
import { type RedisServer, type RedisServerOptions, startRedis } from "./redis.ts";

/** Gives the tests of a file one Redis, empty at the beginning of each. Call it at the top; what it returns tells which one. */
export function oneRedis(options: RedisServerOptions = {}): () => RedisServer {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis(options);
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    await server.ask("FLUSHALL");
  });
  return () => server;
}
