/** What accepting alone can do: sessions over TLS, decisions, and a store that has flushed each message before its 250. */
import { startRedis } from "../harness/redis.ts";
import type { LoadOptions, LoadResult } from "./load.ts";
import { watchMemory } from "./memory.ts";
import { processorTime } from "./processor-time.ts";
import { type Front, startFront } from "./relays.ts";
import { type RedisUse, redisUse } from "./redis-use.ts";
import { runAcceptedLoad } from "./run-load.ts";

/** Rates are messages a second, latencies milliseconds, memory octets. */
export interface Accepting {
  /** Connections reused, commands pipelined. */
  readonly reused: number;
  /** Milliseconds of processor time that the relay took for one of those, all its threads together. */
  readonly processor: number;
  readonly half: { readonly rate: number; readonly p50: number; readonly p99: number };
  readonly peakBytes: number;
}

/** How a client can make it dearer. */
export interface DearClients {
  /** Connections reused, each command waits for the reply to the one before. */
  readonly awaiting: number;
  /** A connection for each message. */
  readonly each: number;
}

export interface AcceptingOptions {
  /** Of each measurement. */
  readonly seconds: number;
  readonly sessions: number;
}

/** On the embedded store in a folder. */
export async function measureEmbedded(folder: string, options: AcceptingOptions): Promise<Accepting & DearClients> {
  const relay = await startFront(folder);
  try {
    const accepting = await measure(relay, options);
    const { seconds } = options;
    const awaiting = await load(relay, options, { reuse: true, seconds, pipelining: false });
    const each = await load(relay, options, { reuse: false, seconds });
    return { ...accepting, awaiting: perSecond(awaiting), each: perSecond(each) };
  } finally {
    await relay.stop();
  }
}

/** On a Redis of its own that flushes before it answers. */
export async function measureRedis(options: AcceptingOptions): Promise<Accepting & RedisUse> {
  const server = await startRedis();
  try {
    const relay = await startFront(server.url);
    try {
      await load(relay, options, { reuse: true, seconds: 1 });
      const count = await redisUse(server, relay);
      const { accepted } = await load(relay, options, { reuse: true, seconds: options.seconds });
      const use = await count(accepted);
      return { ...(await measure(relay, options)), ...use };
    } finally {
      await relay.stop();
    }
  } finally {
    await server.close();
  }
}

async function measure(relay: Front, options: AcceptingOptions): Promise<Accepting> {
  const memory = watchMemory(relay.pid);
  const { seconds } = options;
  try {
    await load(relay, options, { reuse: true, seconds: 1 });
    const before = processorTime(relay.pid);
    const reused = await load(relay, options, { reuse: true, seconds });
    const processor = (processorTime(relay.pid) - before) / reused.accepted;
    const half = await load(relay, options, { reuse: true, seconds, rate: perSecond(reused) / 2 });
    return {
      reused: perSecond(reused),
      processor,
      half: { rate: perSecond(half), p50: half.p50, p99: half.p99 },
      peakBytes: memory.peak(),
    };
  } finally {
    memory.stop();
  }
}

function load(
  { port, plain, sender }: Front,
  { sessions }: AcceptingOptions,
  how: Pick<LoadOptions, "reuse" | "seconds" | "rate" | "pipelining">,
): Promise<LoadResult> {
  return runAcceptedLoad({
    port,
    plain,
    sender,
    recipients: ["anna@friend.example"],
    sessions,
    maxMessages: 200_000,
    ...how,
  });
}

function perSecond(result: LoadResult): number {
  return result.accepted / result.seconds;
}
