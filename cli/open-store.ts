import { readFile } from "node:fs/promises";
import type { Registry } from "prom-client";
import { describeStoreAddress, parseStoreAddress, type StoreAddress } from "../relay/store/address.ts";
import { conditionMetrics, type StoreCondition } from "../relay/store/condition.ts";
import { openStore } from "../relay/store/lmdb/open-store.ts";
import { checkRedis, type RedisReport } from "../relay/store/redis/check.ts";
import type { RedisAddress } from "../relay/store/redis/client.ts";
import { connectRedis, type WatchedRedis } from "../relay/store/redis/connect.ts";
import { keysUnder } from "../relay/store/redis/keys.ts";
import { redisStore } from "../relay/store/redis/store.ts";
import type { Store } from "../relay/store/store.ts";
import { roundTrips, timedStore } from "../relay/store/timed.ts";
import { systemClock } from "../runtime/clock.ts";
import { parseDuration } from "../runtime/duration.ts";
import type { Logger } from "../runtime/log.ts";
import type { Fleet } from "./fleet.ts";
import { scanStore } from "./scan-store.ts";
import { stateLayout } from "./state.ts";
import { lockStore } from "./store-lock.ts";
import { describeMark } from "./store-mark.ts";
import { passwordFor, storeVariable } from "./store-variable.ts";
import { UserError } from "./terminal.ts";

/** Where the password of Redis is looked for when the fleet file names no file. */
export const passwordVariable = "POSTHOUSE_REDIS_PASSWORD";

/** The store of a fleet, open. */
export interface FleetStore {
  readonly store: Store;
  readonly condition: () => Promise<StoreCondition>;
}

export interface OpenFleetStore {
  readonly fleet: Fleet;
  /** The state folder: the embedded store is in it when the fleet file names no other. */
  readonly state: string;
  readonly log: Logger;
  /** Absent for commands that only look. */
  readonly metrics?: Registry;
  /** This process alone delivers from it, if it is embedded. */
  readonly sole?: boolean;
}

/** What is told of the embedded store. */
const cannotWrite = "the store cannot be written; is its disk full?";

/**
 * Opens the store that the fleet file names. Rejects with StoreUnavailable or a UserError, saying what to do. Commands
 * that only look take a Redis as it is.
 */
export async function openFleetStore(options: OpenFleetStore): Promise<FleetStore> {
  const opened = await openEngine(options);
  const { metrics } = options;
  if (metrics === undefined) return opened;
  conditionMetrics(metrics, opened.condition);
  return { ...opened, store: timedStore(opened.store, metrics) };
}

async function openEngine(options: OpenFleetStore): Promise<FleetStore> {
  const { fleet, state, log, metrics, sole = false } = options;
  const address = storeAddressOf(fleet, state);
  if (sole && address.kind === "File") await scanStore(address.path, log);
  const lock = sole ? await lockStore(address) : undefined;
  try {
    const opened = await openStoreAt(address, options);
    if (metrics !== undefined) await refuseMoved(opened.store, address);
    return lock === undefined ? opened : { ...opened, store: closing(opened.store, () => lock.release()) };
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

/** A store that was moved away, or has not all that is moved to it, is no relay's to run on. */
async function refuseMoved(store: Store, address: StoreAddress): Promise<void> {
  const mark = await store.transfer.mark();
  if (mark === undefined || mark.kind === "ArrivedFrom") return;
  await store.close();
  throw new UserError(`${describeStoreAddress(address)} cannot be run on: ${describeMark(mark)}`);
}

function closing(store: Store, then: () => Promise<void>): Store {
  return {
    ...store,
    async close() {
      await store.close();
      await then();
    },
  };
}

/** What {@link openStoreAt} takes of {@link OpenFleetStore}. */
export type OpenStoreAt = Pick<OpenFleetStore, "fleet" | "log" | "metrics" | "sole"> & {
  /** What it writes must be as durable as the mail of a relay, also without metrics. */
  readonly durable?: boolean;
};

/** Opens a store by its address. */
export async function openStoreAt(address: StoreAddress, options: OpenStoreAt): Promise<FleetStore> {
  const { fleet, log, sole = false } = options;
  if (address.kind === "File") {
    const store = await openStore({ path: address.path, clock: systemClock, log, sole });
    const condition = async (): Promise<StoreCondition> => ({
      durability: "Verified",
      refuses: (await store.ready()) ? undefined : cannotWrite,
    });
    return { store, condition };
  }
  const connection = await connectFleetRedis(options, address);
  try {
    const store = await redisStore({ connection, prefix: `${fleet.redis.keyPrefix}:`, clock: systemClock });
    return { store, condition: () => Promise.resolve(conditionOf(connection, address)) };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** Where the store of a fleet is. */
export function storeAddressOf({ store }: Pick<Fleet, "store">, state: string): StoreAddress {
  return store === undefined ? { kind: "File", path: stateLayout.store(state) } : parseStoreAddress(store);
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
    ...(metrics !== undefined && { onRoundTrip: roundTrips(metrics) }),
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
