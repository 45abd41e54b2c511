import { readFile } from "node:fs/promises";
import { describeStoreAddress } from "../relay/store/address.ts";
import type { StoreCondition } from "../relay/store/condition.ts";
import { checkRedis, type RedisReport } from "../relay/store/redis/check.ts";
import type { RedisAddress } from "../relay/store/redis/client.ts";
import { connectRedis, type WatchedRedis } from "../relay/store/redis/connect.ts";
import { keysUnder } from "../relay/store/redis/keys.ts";
import { redisStore } from "../relay/store/redis/store.ts";
import { systemClock } from "../runtime/clock.ts";
import { parseDuration } from "../runtime/duration.ts";
import type { FleetStore, OpenStoreAt } from "./open-store.ts";
import { passwordFor, storeVariable } from "./store-variable.ts";
import { UserError } from "./terminal.ts";

/** Where the password of Redis is looked for when the fleet file names no file. */
export const passwordVariable = "POSTHOUSE_REDIS_PASSWORD";

/** Opens the store in a Redis. */
export async function openFleetRedis(address: RedisAddress, options: OpenStoreAt): Promise<FleetStore> {
  const connection = await connectFleetRedis(options, address);
  try {
    const prefix = `${options.fleet.redis.keyPrefix}:`;
    const store = await redisStore({ connection, prefix, clock: systemClock });
    return { store, condition: () => Promise.resolve(conditionOf(connection, address)) };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** Verifies a Redis, as it is; `repair` makes its counters right. */
export async function checkRedisAt(
  address: RedisAddress,
  options: Pick<OpenStoreAt, "fleet" | "log"> & { readonly repair: boolean },
): Promise<RedisReport> {
  const connection = await connectFleetRedis(options, address);
  try {
    const { repair } = options;
    return await checkRedis(connection, keysUnder(`${options.fleet.redis.keyPrefix}:`), { repair });
  } finally {
    await connection.close();
  }
}

async function connectFleetRedis(
  { fleet, log, metrics, durable = metrics !== undefined }: OpenStoreAt,
  address: RedisAddress,
): Promise<WatchedRedis> {
  const { redis, durability } = fleet;
  const { passwordFile, sentinelPasswordFile, caFile } = redis;
  const lookOnly = !durable;
  return connectRedis({
    address,
    durability: lookOnly ? "None" : durability,
    replicas: lookOnly ? 0 : redis.replicas,
    replicaTimeout: parseDuration(redis.replicaTimeout),
    passwords: {
      server: async () => {
        const password = passwordFor(address, process.env[storeVariable]);
        if (password !== undefined) return password;
        return passwordFile === undefined ? fromEnvironment() : readSecret(passwordFile, "redis.passwordFile");
      },
      sentinel: async () =>
        sentinelPasswordFile === undefined ? undefined : readSecret(sentinelPasswordFile, "redis.sentinelPasswordFile"),
    },
    ...(caFile !== undefined && { ca: await readSecret(caFile, "redis.caFile") }),
    clock: systemClock,
    random: Math.random,
    log,
    ...(metrics !== undefined && { onRoundTrip: (await import("../relay/store/timed.ts")).roundTrips(metrics) }),
  });
}

function fromEnvironment(): Promise<string | undefined> {
  return Promise.resolve(process.env[passwordVariable] || undefined);
}

/** The content of a file, without the line end that editors leave. */
async function readSecret(path: string, field: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    const why = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new UserError(`cannot read ${field}, ${path}: ${why}`);
  });
  return text.replace(/\r?\n$/, "");
}

function conditionOf(connection: WatchedRedis, address: RedisAddress): StoreCondition {
  const { refuses, durability, seenAt, memory } = connection.condition();
  const server = describeStoreAddress(address);
  const why = refuses === undefined || refuses.startsWith(server) ? refuses : `${server} takes no mail: ${refuses}`;
  return { refuses: why, durability, seenAt, memory };
}
