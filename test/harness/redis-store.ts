import { parseStoreAddress } from "../../relay/store/address.ts";
import { type ConnectOptions, connectRedis, type WatchedRedis } from "../../relay/store/redis/connect.ts";
import { redisStore } from "../../relay/store/redis/store.ts";
import type { Store } from "../../relay/store/store.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";

/** Connects to a Redis as a relay does, but asks it more often how it is. */
export async function connectTestRedis(url: string, changes: Partial<ConnectOptions> = {}): Promise<WatchedRedis> {
  const address = parseStoreAddress(url);
  if (address.kind === "File") throw new Error(`${url} is no Redis`);
  return connectRedis({
    address,
    durability: "Verified",
    replicas: 0,
    replicaTimeout: 500,
    passwords: { server: async () => undefined, sentinel: async () => undefined },
    clock: systemClock,
    random: Math.random,
    log: createLogger({ level: "silent", destination: { write: () => undefined } }),
    timing: { sample: 50, inspect: 100 },
    ...changes,
  });
}

/** The store on a Redis. */
export async function openRedisStore(
  url: string,
  changes: Partial<ConnectOptions> = {},
  prefix = "posthouse:",
): Promise<Store> {
  const connection = await connectTestRedis(url, changes);
  return redisStore({ connection, prefix, clock: systemClock });
}
