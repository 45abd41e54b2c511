import type { RedisServer } from "../harness/redis.ts";
import { processorTime } from "./processor-time.ts";
import type { Front } from "./relays.ts";

/** What one message costs Redis. */
export interface RedisUse {
  readonly roundTrips: number;
  /** Milliseconds of processor time of the whole server: commands, network and flushes. */
  readonly redisTime: number;
}

/** Counts from now on what a relay asks of a Redis. The result tells it for a number of messages. */
export async function redisUse(server: RedisServer, relay: Front): Promise<(messages: number) => Promise<RedisUse>> {
  const look = async () => ({ roundTrips: await relay.roundTrips(), processor: processorTime(server.pid()) });
  const before = await look();
  return async (messages) => {
    const after = await look();
    return {
      roundTrips: (after.roundTrips - before.roundTrips) / messages,
      redisTime: (after.processor - before.processor) / messages,
    };
  };
}
