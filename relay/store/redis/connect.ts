import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import { describeStoreAddress } from "../address.ts";
import type { Durability } from "../config.ts";
import { StoreUnavailable } from "../store.ts";
import { type ClientOptions, createClient, defaultTiming, type RedisPasswords, type RedisTiming } from "./client.ts";
import type { RedisAddress } from "./client.ts";
import type { Call, RedisConnection, Reply } from "./connection.ts";
import { readInfo, refuseServer, type ServerFacts, type ServerSettings, settingNames } from "./facts.ts";
import { failureOf, isFinal, ServerRefused } from "./failure.ts";
import { isFull, refusesMail, type Seen, verdictOf, type Wanted } from "./health.ts";
import { type Answer, type Ask, type Inspection, type Link, openLink, patienceFor } from "./link.ts";
import { nothingSent } from "./nothing-sent.ts";
import { replicatedSender } from "./replicated.ts";
import { type ServerClock, serverClock } from "./server-clock.ts";

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
  readonly wanted: Wanted;
  readonly server: string;
  readonly serverClock: ServerClock;
  /** What was last seen; undefined before the first connection. */
  seen: Seen | undefined;
  inspectedAt: number;
  /** Octets sent to be kept since it was seen. */
  coming: number;
  /** What was last said of it in the log. */
  told: string;
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
  const { address, durability, replicas, clock } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const connected: Connected = {
    options,
    timing,
    wanted: { durability, replicas, failsOver: address.kind === "Sentinel" },
    server: describeStoreAddress(address),
    serverClock: serverClock(),
    seen: undefined,
    inspectedAt: -Infinity,
    coming: 0,
    told: "",
  };
  const opened: Link[] = [];
  // What no other try mends is said at once.
  const final = Promise.withResolvers<never>();
  final.promise.catch(() => undefined);
  try {
    const main = await open(connected, timing.silence);
    opened.push(main);
    await Promise.race([main.send([{ command: "PING", args: [] }], startTimeout), final.promise]);
    checkStart(connected);
    // Waiting for replicas blocks a connection: it has one of its own.
    const writer = replicas === 0 ? main : await open(connected, timing.silence + options.replicaTimeout);
    if (writer !== main) opened.push(writer);
    await writer.send([{ command: "PING", args: [] }], startTimeout);
    return watched(connected, main, writer);
  } catch (error) {
    for (const link of opened) link.close();
    throw error;
  }
  function open(to: Connected, silence: number): Promise<Link> {
    const client: ClientOptions = { ...options, timing: { ...timing, silence } };
    return openLink({
      client: (tries) => createClient(client, tries),
      inspect: (ask) => inspect(to, ask),
      server: to.server,
      patience: timing.patience,
      clock,
      onRoundTrip: options.onRoundTrip ?? (() => undefined),
      onTrouble: (error) => {
        if (isFinal(error)) final.reject(failureOf(error, to.server));
      },
    });
  }
}

/** Looks at a server before it is used. */
async function inspect(connected: Connected, ask: Ask): Promise<Inspection> {
  connected.serverClock.forget();
  const facts = await factsOf(connected, ask);
  const refused = refuseServer(facts);
  if (refused !== undefined) throw new ServerRefused(refused);
  await chooseDatabase(connected.options.address, ask);
  // For whoever looks at the list of clients; a user who may not say it goes without.
  await ask("CLIENT", "SETNAME", "posthouse").catch(() => undefined);
  if (facts.loading) return "Loading";
  if (facts.role === "slave") return "Elsewhere";
  see(connected, { at: connected.options.clock.now(), facts, settings: await settingsOf(ask) });
  return "Usable";
}

/** What a server says of itself; its clock is noted. */
async function factsOf({ options, serverClock: clock }: Connected, ask: Ask): Promise<ServerFacts> {
  const asked = options.clock.now();
  const facts = readInfo(textOf(await ask("INFO")));
  if (facts.time !== undefined) clock.hear(facts.time, asked, options.clock.now());
  return facts;
}

/** The client chooses it too, but goes on with the first one when there is none of that number. */
async function chooseDatabase({ database }: RedisAddress, ask: Ask): Promise<void> {
  if (database === 0) return;
  try {
    await ask("SELECT", String(database));
  } catch (error) {
    if (error instanceof Error && /out of range/.test(error.message))
      throw new ServerRefused(`it has no database ${database}`);
    throw error;
  }
}

/** The settings that bear on durability; undefined where CONFIG is forbidden or unknown. */
async function settingsOf(ask: Ask): Promise<ServerSettings | undefined> {
  try {
    const reply = await ask("CONFIG", "GET", ...settingNames);
    if (!Array.isArray(reply)) return undefined;
    const words = reply.map(textOf);
    return Object.fromEntries(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] ?? ""]] : [])));
  } catch (error) {
    if (error instanceof Error && error.name === "ReplyError") return undefined;
    throw error;
  }
}

function see(connected: Connected, seen: Seen): void {
  connected.seen = seen;
  connected.inspectedAt = seen.at;
  connected.coming = 0;
  tell(connected, seen);
}

/** Logs what changed. */
function tell(connected: Connected, seen: Seen): void {
  const { options, wanted, server } = connected;
  const refuses = refusesMail(seen, wanted);
  const { problems, warnings } = verdictOf(seen, wanted);
  const news = JSON.stringify([refuses, problems, warnings]);
  if (news === connected.told) return;
  const first = connected.told === "";
  connected.told = news;
  const { log } = options;
  const about = { server, product: seen.facts.product, durability: wanted.durability };
  if (refuses !== undefined) log.error({ ...about, why: refuses }, "Redis is not safe: no mail is accepted");
  else if (wanted.durability === "None")
    log.warn({ ...about, problems }, "nobody vouches for the durability of Redis: accepted mail may be lost");
  else if (problems.length > 0) log.warn({ ...about, problems }, "Redis is not what is declared");
  else log.info(about, first ? "connected to Redis" : "Redis is as it should be again");
  if (warnings.length > 0) log.warn({ ...about, warnings }, "Redis could be set up better");
}

/** Under `Verified` a server that is not safe is refused at the start. */
function checkStart({ seen, wanted, server }: Connected): void {
  if (seen === undefined || wanted.durability !== "Verified") return;
  const { problems } = verdictOf(seen, wanted);
  if (problems.length > 0) throw new StoreUnavailable(`${server} would lose mail: ${problems.join("; ")}`);
}

/** Asks again and again, until it is stopped. */
function keepSampling(connected: Connected, main: Link): () => void {
  const { clock, log } = connected.options;
  let stopped = false;
  let stopTimer = clock.after(connected.timing.sample, turn);
  function turn(): void {
    void sample(connected, main)
      .catch((error: unknown) => log.debug({ err: error }, "cannot ask Redis how it is"))
      .finally(() => {
        if (!stopped) stopTimer = clock.after(connected.timing.sample, turn);
      });
  }
  return () => {
    stopped = true;
    stopTimer();
  };
}

/** Waits until nothing is under way, but not longer than a step may take. */
async function drain({ options: { clock }, timing }: Connected, links: readonly Link[]): Promise<void> {
  const pause = 5;
  for (let waited = 0; waited < timing.patience && links.some(({ running }) => running > 0); waited += pause)
    await clock.sleep(pause);
}

function watched(connected: Connected, main: Link, writer: Link): WatchedRedis {
  const { options, timing, wanted, server } = connected;
  const stopSampling = keepSampling(connected, main);
  const replicated =
    wanted.replicas === 0
      ? (calls: readonly Call[]) => main.send(calls)
      : replicatedSender(
          writer,
          () => waitOf(connected),
          Math.max(timing.patience - options.replicaTimeout, leastPatience),
        );
  const send = async (calls: readonly Call[]): Promise<readonly Reply[]> => repliesOf(await main.send(calls), server);
  const first = async (calls: readonly Call[]): Promise<Reply> => (await send(calls))[0] ?? null;
  const refuses = (): string | undefined =>
    connected.seen === undefined ? "it was not reached yet" : refusesMail(connected.seen, wanted);
  return {
    run: (script, keys, args) => first([{ script, keys, args }]),
    command: (command, ...args) => first([{ command, args }]),
    pipeline: send,
    async commit(calls) {
      const why = refuses();
      if (why !== undefined) throw nothingSent(`${server} takes no mail: ${why}`);
      connected.coming += weightOf(calls);
      const replies = repliesOf(await replicated(calls), server);
      // It may have been sent to another server than the one that was asked for above, or to one that was set up anew.
      const late = refuses();
      if (late !== undefined) throw new StoreUnavailable(`${server} takes no mail any more: ${late}`);
      return replies;
    },
    lateAt: (octets) => connected.serverClock.at(options.clock.now() + patienceFor(octets, timing.patience)),
    full: () => connected.seen !== undefined && isFull(connected.seen, connected.coming),
    ready: () => Promise.resolve(main.up && writer.up && refuses() === undefined),
    condition: () => ({
      durability: wanted.durability,
      refuses: main.trouble ?? writer.trouble ?? refuses(),
      seenAt: connected.seen?.at ?? 0,
      product: connected.seen?.facts.product ?? "",
      memory: connected.seen?.facts.memory ?? { used: 0, limit: 0 },
      replicas: connected.seen?.facts.replicas ?? 0,
    }),
    async close() {
      stopSampling();
      await drain(connected, [main, writer]);
      main.close();
      writer.close();
    },
  };
}

/** Asks a server how it is, and every now and then for its settings. */
async function sample(connected: Connected, main: Link): Promise<void> {
  if (!main.up) return;
  const { clock } = connected.options;
  const ask: Ask = async (command, ...args) => {
    const [answer = null] = await main.send([{ command, args }]);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const old = connected.seen;
  const before = connected.coming;
  const facts = await factsOf(connected, ask);
  const at = clock.now();
  const isDue = old === undefined || at - connected.inspectedAt >= connected.timing.inspect || at < old.at;
  // Not of before the question: the connection may be a new one since, to a server that is set up differently.
  const settings = isDue ? await settingsOf(ask) : connected.seen?.settings;
  if (isDue) connected.inspectedAt = at;
  connected.seen = { at, facts, settings };
  connected.coming = Math.max(0, connected.coming - before);
  tell(connected, connected.seen);
}

function waitOf({ options, seen }: Connected): { replicas: number; timeout: number; onDisk: boolean } {
  const { replicas, replicaTimeout } = options;
  const onDisk = seen !== undefined && seen.facts.waitsForDisk && seen.facts.appendsOnly;
  return { replicas, timeout: replicaTimeout, onDisk };
}

/** The replies, or the first error as the store's callers know it. */
function repliesOf(answers: readonly Answer[], server: string): readonly Reply[] {
  return answers.map((answer) => {
    if (answer instanceof Error) throw failureOf(answer, server);
    return answer;
  });
}

function textOf(reply: Reply): string {
  return Buffer.isBuffer(reply) ? reply.toString("utf8") : "";
}

/** What calls take of the memory at most: allocators round up by a quarter, and each key has a row of its own. */
function weightOf(calls: readonly Call[]): number {
  const sizes = calls.flatMap(({ args }) => args.map((arg) => (typeof arg === "number" ? 8 : arg.length)));
  return sizes.reduce((sum, size) => sum + size, 0) * 1.25 + 1024 * calls.length;
}
