import { Redis, type RedisOptions } from "ioredis";
import type { StoreAddress } from "../address.ts";
import { isReadOnly } from "./failure.ts";

export type RedisAddress = Extract<StoreAddress, { readonly kind: "Redis" | "Sentinel" }>;

/** Milliseconds. */
export interface RedisTiming {
  /** What a step may take, with waiting for a turn, for a connection and for another try. */
  readonly patience: number;
  /** Silence after which a connection with unanswered commands is given up. */
  readonly silence: number;
  /** How often the server is asked how it is. */
  readonly sample: number;
  /** How often its settings are read. */
  readonly inspect: number;
}

export const defaultTiming: RedisTiming = { patience: 1500, silence: 4000, sample: 1000, inspect: 30_000 };

/** Passwords as they are now: read at each connection. */
export interface RedisPasswords {
  readonly server: () => Promise<string | undefined>;
  readonly sentinel: () => Promise<string | undefined>;
}

export interface ClientOptions {
  readonly address: RedisAddress;
  readonly passwords: RedisPasswords;
  /** PEM of the authorities that servers are verified by; Node's own when absent. */
  readonly ca?: string | undefined;
  readonly timing: RedisTiming;
  readonly random: () => number;
}

const connectTimeout = 1500;
const firstPause = 50;
const longestPause = 1000;

/** Milliseconds before the next try to connect, after so many in vain: doubling, and never the same for two relays. */
export function reconnectPause(tries: number, random: () => number): number {
  const whole = Math.min(longestPause, firstPause * 2 ** Math.min(tries, 10));
  return Math.round(whole * (0.5 + random() / 2));
}

function endpointOf({ address, ca }: ClientOptions): RedisOptions {
  const tls = address.tls ? { tls: ca === undefined ? {} : { ca } } : {};
  if (address.kind === "Redis") return { host: address.host, port: address.port, ...tls };
  const { name, sentinels } = address;
  return {
    name,
    sentinels: [...sentinels],
    updateSentinels: false,
    connectTimeout,
    sentinelCommandTimeout: connectTimeout,
    ...tls,
    ...(address.tls && { enableTLSForSentinelMode: true, sentinelTLS: ca === undefined ? {} : { ca } }),
  };
}

/**
 * A client that queues nothing while it is not connected and sends nothing twice by itself: what was not answered when
 * the connection went is rejected. `tries`: how often it was in vain to connect. Not connected yet.
 */
export async function createClient(options: ClientOptions, tries: () => number): Promise<Redis> {
  const { address, passwords, random, timing } = options;
  const passwordOptions = async (): Promise<RedisOptions> => {
    const [password, sentinelPassword] = await Promise.all([passwords.server(), passwords.sentinel()]);
    return { ...(password !== undefined && { password }), ...(sentinelPassword !== undefined && { sentinelPassword }) };
  };
  const pause = (): number => reconnectPause(tries(), random);
  const client: Redis = new Redis({
    ...endpointOf(options),
    ...(await passwordOptions()),
    ...(address.user !== undefined && { username: address.user }),
    db: address.database,
    lazyConnect: true,
    // No connection name: the client would wait for it, and take a connection that went meanwhile for one that is ready.
    disableClientInfo: true,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    // Rejects what was not answered as soon as the connection goes.
    maxRetriesPerRequest: 0,
    connectTimeout,
    socketTimeout: timing.silence,
    keepAlive: 10_000,
    reconnectOnError: (error) => isReadOnly(error),
    retryStrategy: pause,
    sentinelRetryStrategy: pause,
  });
  // A password may have been changed since: the next connection says the new one.
  client.on("close", () => {
    passwordOptions().then(
      (fresh) => Object.assign(client.options, fresh),
      () => undefined,
    );
  });
  return client;
}
