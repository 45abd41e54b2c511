import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import { startRounds } from "../../../runtime/rounds.ts";
import { describeStoreAddress } from "../address.ts";
import type { Durability } from "../config.ts";
import { StoreUnavailable } from "../store.ts";
import { type ClientOptions, createClient, defaultTiming, type RedisPasswords, type RedisTiming } from "./client.ts";
import type { RedisAddress } from "./client.ts";
import type { Call, RedisConnection, Reply } from "./connection.ts";
import { failureOf, isFinal } from "./failure.ts";
import { type Answer, type Ask, type Link, octetsOf, openLink, patienceFor } from "./link.ts";
import { nothingSent } from "./nothing-sent.ts";
import { replicatedSender } from "./replicated.ts";
import { type ServerClock, serverClock } from "./server-clock.ts";
import { type ServerWatch, serverWatch } from "./server-watch.ts";

export interface ConnectOptions {
  readonly address: RedisAddress;
  readonly durability: Durability;
  /** Replicas that must have a message before it is confirmed. */
  readonly replicas: number;
  /** Milliseconds that they are waited for. */
  readonly replicaTimeout: number;
  readonly passwords: RedisPasswords;
  /** PEM of the authorities that servers are verified by; Node's own when absent. */
  readonly ca?: string | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly timing?: Partial<RedisTiming>;
  /** Called for each batch that is written. */
  readonly onRoundTrip?: () => void;
}

/** How a Redis is, for readiness and metrics. */
export interface RedisCondition {
  readonly durability: Durability;
  /** Why no message is accepted now; undefined when it is. */
  readonly refuses: string | undefined;
  /** When it last told how it is. Milliseconds since the epoch. */
  readonly seenAt: number;
  readonly product: string;
  /** Octets; a limit of 0 is none. */
  readonly memory: { readonly used: number; readonly limit: number };
  readonly replicas: number;
}

/** A connection that also tells how the server is. */
export interface WatchedRedis extends RedisConnection {
  condition(): RedisCondition;
}

interface Connected {
  readonly options: ConnectOptions;
  readonly timing: RedisTiming;
  readonly server: string;
  readonly serverClock: ServerClock;
  readonly watch: ServerWatch;
}

/** Milliseconds that a step may take beyond those for which replicas are waited for. */
const leastPatience = 500;
/** Milliseconds that the first connection may take. */
const startTimeout = 5000;

/**
 * Connects to a Redis. Rejects with StoreUnavailable, saying what to do, when it cannot be reached, is none that can be
 * used, or is not as durable as `Verified` wants.
 */
export async function connectRedis(options: ConnectOptions): Promise<WatchedRedis> {
  const { replicas, replicaTimeout } = options;
  const connected = connectedOf(options);
  const { silence } = connected.timing;
  const opened: Link[] = [];
  // What no other try mends is said at once.
  const final = Promise.withResolvers<never>();
  final.promise.catch(() => undefined);
  const onTrouble = (error: unknown): void => {
    if (isFinal(error)) final.reject(failureOf(error, connected.server));
  };
  try {
    const main = await open(connected, silence, onTrouble);
    opened.push(main);
    await Promise.race([main.send([{ command: "PING", args: [] }], startTimeout), final.promise]);
    connected.watch.mustBeSafe();
    // Waiting for replicas blocks a connection: it has one of its own.
    const writer = replicas === 0 ? main : await open(connected, silence + replicaTimeout, onTrouble);
    if (writer !== main) opened.push(writer);
    await writer.send([{ command: "PING", args: [] }], startTimeout);
    return watched(connected, main, writer);
  } catch (error) {
    for (const link of opened) link.close();
    throw error;
  }
}

function connectedOf(options: ConnectOptions): Connected {
  const { address, durability, replicas, replicaTimeout, clock: ours, log } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const server = describeStoreAddress(address);
  const theirs = serverClock();
  const watch = serverWatch({
    address,
    clock: ours,
    serverClock: theirs,
    wanted: { durability, replicas, failsOver: address.kind === "Sentinel" },
    server,
    replicaTimeout,
    inspectEvery: timing.inspect,
    log,
  });
  return { options, timing, server, serverClock: theirs, watch };
}

function open(
  { options, timing, server, watch }: Connected,
  silence: number,
  onTrouble: (error: unknown) => void,
): Promise<Link> {
  const client: ClientOptions = { ...options, timing: { ...timing, silence } };
  return openLink({
    client: (tries) => createClient(client, tries),
    inspect: (ask) => watch.inspect(ask),
    server,
    patience: timing.patience,
    clock: options.clock,
    onRoundTrip: options.onRoundTrip ?? (() => undefined),
    onTrouble,
  });
}

/** Asks the server how it is, again and again, until it is stopped. */
function keepSampling({ options: { clock, log }, timing, watch }: Connected, main: Link): () => Promise<void> {
  const ask: Ask = async (command, ...args) => {
    const [answer = null] = await main.send([{ command, args }]);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return startRounds({
    clock,
    interval: timing.sample,
    delay: timing.sample,
    async round() {
      if (!main.up) return;
      await watch.sample(ask).catch((error: unknown) => log.debug({ err: error }, "cannot ask Redis how it is"));
    },
  });
}

/** Waits until nothing is under way, but not longer than a step may take. */
async function drain({ options: { clock }, timing }: Connected, links: readonly Link[]): Promise<void> {
  const pause = 5;
  for (let waited = 0; waited < timing.patience && links.some(({ running }) => running > 0); waited += pause)
    await clock.sleep(pause);
}

function watched(connected: Connected, main: Link, writer: Link): WatchedRedis {
  const { options, timing, server, watch } = connected;
  const stopSampling = keepSampling(connected, main);
  const commit = committer(connected, main, writer);
  const send = async (calls: readonly Call[]): Promise<readonly Reply[]> => repliesOf(await main.send(calls), server);
  const first = async (calls: readonly Call[]): Promise<Reply> => (await send(calls))[0] ?? null;
  return {
    run: (script, keys, args) => first([{ script, keys, args }]),
    command: (command, ...args) => first([{ command, args }]),
    pipeline: send,
    commit,
    lateAt: (octets) => connected.serverClock.at(options.clock.now() + patienceFor(octets, timing.patience)),
    full: () => watch.full(),
    ready: () => Promise.resolve(main.up && writer.up && watch.refuses() === undefined),
    condition: () => ({
      durability: options.durability,
      refuses: main.trouble ?? writer.trouble ?? watch.refuses(),
      seenAt: watch.seen?.at ?? 0,
      product: watch.seen?.facts.product ?? "",
      memory: watch.seen?.facts.memory ?? { used: 0, limit: 0 },
      replicas: watch.seen?.facts.replicas ?? 0,
    }),
    async close() {
      // It ends with the link that it asks over.
      void stopSampling();
      await drain(connected, [main, writer]);
      main.close();
      writer.close();
    },
  };
}

/** What {@link RedisConnection.commit} is. */
function committer({ options, timing, server, watch }: Connected, main: Link, writer: Link): RedisConnection["commit"] {
  const patience = Math.max(timing.patience - options.replicaTimeout, leastPatience);
  const replicated =
    options.replicas === 0
      ? (calls: readonly Call[]) => main.send(calls)
      : replicatedSender(writer, () => watch.wait(), patience);
  return async (calls) => {
    const why = watch.refuses();
    if (why !== undefined) throw nothingSent(`${server} takes no mail: ${why}`);
    watch.expect(weightOf(calls));
    const replies = repliesOf(await replicated(calls), server);
    // It may have been sent to another server than the one that was asked for above, or to one that was set up anew.
    const late = watch.refuses();
    if (late !== undefined) throw new StoreUnavailable(`${server} takes no mail any more: ${late}`);
    return replies;
  };
}

/** The replies, or the first error as the store's callers know it. */
function repliesOf(answers: readonly Answer[], server: string): readonly Reply[] {
  return answers.map((answer) => {
    if (answer instanceof Error) throw failureOf(answer, server);
    return answer;
  });
}

/** What calls take of the memory at most: allocators round up by a quarter, and each key has a row of its own. */
function weightOf(calls: readonly Call[]): number {
  return octetsOf(calls) * 1.25 + 1024 * calls.length;
}
