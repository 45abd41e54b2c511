import type { Redis } from "ioredis";
import type { Clock } from "../../../runtime/clock.ts";
import { StoreUnavailable } from "../store.ts";
import type { Argument, Call, Reply } from "./connection.ts";
import { failureOf, isConnectionLost, isUnknownScript, reasonOf, isLackOfLogin } from "./failure.ts";
import { createGate, type Gate } from "./gate.ts";
import { nothingSent } from "./nothing-sent.ts";

/** What a server that was just connected to is: usable, not yet, or another one should be looked for. */
export type Inspection = "Usable" | "Loading" | "Elsewhere";

/** Sends one command on the connection as it is, and gives up with it. */
export type Ask = (command: string, ...args: readonly string[]) => Promise<Reply>;

export interface LinkOptions {
  /** A client that is not connected yet; `tries` says how often it was in vain. */
  readonly client: (tries: () => number) => Promise<Redis>;
  /** Asked on each new connection before anything else is sent over it. */
  readonly inspect: (ask: Ask) => Promise<Inspection>;
  /** The server, for people. */
  readonly server: string;
  /** Milliseconds that a step may take. */
  readonly patience: number;
  readonly clock: Pick<Clock, "after">;
  /** Called for each batch that is written. */
  readonly onRoundTrip: () => void;
  /** Called when a connection could not be made, or not be used. */
  readonly onTrouble: (error: unknown) => void;
}

/** The answer to a call: what Redis replied, or its error. */
export type Answer = Reply | Error;

/** One connection to Redis that comes back by itself. */
export interface Link {
  /**
   * Sends calls in one batch; resolves with the answers in order. A batch whose answers were lost with the connection is
   * sent again on the next, as long as `patience` lasts. Rejects with StoreUnavailable, `nothingSent` when it never was.
   */
  send(calls: readonly Call[], patience?: number): Promise<readonly Answer[]>;
  /** Whether a connection stands and was inspected. */
  readonly up: boolean;
  /** Batches under way. */
  readonly running: number;
  /** Why there is no connection; undefined while there is one. */
  readonly trouble: string | undefined;
  close(): void;
}

const gateLimits = { calls: 2000, octets: 128 * 2 ** 20, waiting: 4000 };
const loadingPause = 200;
const patiencePerMebibyte = 100;

/** Milliseconds that a batch of so many octets may take, when a small one may take `patience`. */
export function patienceFor(octets: number, patience: number): number {
  return patience + (octets / 2 ** 20) * patiencePerMebibyte;
}

interface LinkState {
  readonly options: LinkOptions;
  readonly redis: Redis;
  readonly gate: Gate;
  /** Who waits for a connection. */
  readonly waiting: Set<() => void>;
  /** Scripts that were sent over this connection: SHA-1s. */
  readonly loaded: Set<string>;
  up: boolean;
  tries: number;
  lastError: unknown;
  closed: boolean;
}

/** Begins to connect. */
export async function openLink(options: LinkOptions): Promise<Link> {
  const counted: { state?: LinkState } = {};
  const redis = await options.client(() => counted.state?.tries ?? 0);
  const gate = createGate(gateLimits, options.clock);
  const fresh = { up: false, tries: 0, lastError: undefined, closed: false };
  const state: LinkState = { options, redis, gate, waiting: new Set(), loaded: new Set(), ...fresh };
  counted.state = state;
  redis.on("error", (error: unknown) => {
    state.lastError = error;
    options.onTrouble(error);
  });
  redis.on("close", () => {
    state.up = false;
    state.lastError ??= new Error("the connection was lost");
    state.tries += 1;
  });
  redis.on("ready", () => void examine(state));
  redis.connect().catch((error: unknown) => (state.lastError ??= error));
  return {
    send: (calls, patience) => send(state, calls, patience),
    get up() {
      return state.up;
    },
    get running() {
      return gate.running;
    },
    get trouble() {
      return state.up ? undefined : troubleOf(state);
    },
    close() {
      state.closed = true;
      state.up = false;
      redis.disconnect();
    },
  };
}

function troubleOf({ options, lastError }: LinkState): string {
  const failure = failureOf(lastError, options.server);
  if (failure instanceof StoreUnavailable) return failure.message;
  const why = lastError instanceof Error ? reasonOf(lastError) : "there was no answer yet";
  return `${options.server} cannot be used: ${why}`;
}

/** Looks at the server behind a new connection until it is usable, or lets go of it. */
async function examine(state: LinkState): Promise<void> {
  const { redis, options } = state;
  const { stream } = redis;
  const ask: Ask = async (command, ...args) => replyOf(await redis.callBuffer(command, ...args));
  try {
    const found = await options.inspect(ask);
    // Meanwhile the connection may have been replaced.
    if (redis.stream !== stream || state.closed) return;
    if (found === "Usable") return opened(state);
    state.lastError = new StoreUnavailable(
      found === "Loading"
        ? `${options.server} reads its data from disk`
        : `${options.server} is a replica: its primary is somewhere else`,
    );
    if (found === "Elsewhere") return redis.disconnect(true);
    options.clock.after(loadingPause, () => {
      if (redis.stream === stream) void examine(state);
    });
  } catch (error) {
    // Why the connection went says more than that it did.
    if (!isConnectionLost(error) && !isLackOfLogin(error, state.lastError)) state.lastError = error;
    state.lastError ??= error;
    options.onTrouble(error);
    if (redis.stream === stream && !state.closed) redis.disconnect(true);
  }
}

function opened(state: LinkState): void {
  state.loaded.clear();
  state.up = true;
  state.tries = 0;
  state.lastError = undefined;
  for (const wake of state.waiting) wake();
  state.waiting.clear();
}

interface Sent {
  /** Resolves when what was written last is answered; undefined while nothing was. */
  written: Promise<void> | undefined;
}

interface Deadline {
  /** Rejects when it is over. */
  readonly late: Promise<never>;
  readonly stop: () => void;
}

/** `more`: milliseconds on top of `patience` while there is a connection, for what is large. */
function startDeadline(state: LinkState, patience: number, more: number): Deadline {
  const { promise, reject } = Promise.withResolvers<never>();
  const { clock, server } = state.options;
  const end = (): void =>
    reject(new StoreUnavailable(state.up ? `${server} does not answer in time` : troubleOf(state)));
  let stop = clock.after(patience, () => {
    if (state.up && more >= 1) stop = clock.after(more, end);
    else end();
  });
  promise.catch(() => undefined);
  return { late: promise, stop: () => stop() };
}

/** Resolves when there is a connection. */
function connected(state: LinkState, { late }: Deadline): Promise<void> {
  if (state.up) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  state.waiting.add(resolve);
  late.catch(() => state.waiting.delete(resolve));
  return Promise.race([promise, late]);
}

async function send(
  state: LinkState,
  calls: readonly Call[],
  patience = state.options.patience,
): Promise<readonly Answer[]> {
  if (state.closed) throw nothingSent("the store is closed");
  const octets = octetsOf(calls);
  const wait = patienceFor(octets, patience);
  const deadline = startDeadline(state, patience, wait - patience);
  const sent: Sent = { written: undefined };
  try {
    const leave = await state.gate.enter(octets, wait);
    // What was given up is still on its way: its room is free when it is answered, or the connection gone.
    return await attempt(state, calls, deadline, sent).finally(() => void Promise.resolve(sent.written).then(leave));
  } catch (error) {
    const isUnsent = sent.written === undefined && error instanceof StoreUnavailable;
    throw isUnsent ? nothingSent(error.message) : error;
  } finally {
    deadline.stop();
  }
}

/** Writes calls until they are answered, or it is too late. */
async function attempt(
  state: LinkState,
  calls: readonly Call[],
  deadline: Deadline,
  sent: Sent,
): Promise<readonly Answer[]> {
  for (;;) {
    await connected(state, deadline);
    const answering = transmit(state, calls);
    sent.written = answering.then(() => undefined);
    const answers = await Promise.race([answering, deadline.late]);
    const lost = answers.find(isConnectionLost);
    if (lost !== undefined) dropped(state, lost);
    else if (!answers.some(isUnknownScript)) return answers;
    // Somebody made the server forget; the next batch says it all again.
    state.loaded.clear();
  }
}

/** No connection, or one that was just lost: whoever comes waits for the next. */
function dropped(state: LinkState, error: unknown): void {
  if (state.closed) throw new StoreUnavailable("the store is closed");
  state.lastError ??= error;
  if (!state.up) return;
  state.up = false;
  if (state.redis.status === "ready") state.redis.disconnect(true);
}

/** Writes calls at once, and before them the scripts that are new on this connection. Never rejects: errors stand among the answers. */
async function transmit({ redis, options, loaded }: LinkState, calls: readonly Call[]): Promise<readonly Answer[]> {
  const { stream } = redis;
  const unloaded: unknown[] = [];
  stream?.cork();
  for (const call of calls) {
    if (!("script" in call) || loaded.has(call.script.sha1)) continue;
    loaded.add(call.script.sha1);
    redis.callBuffer("SCRIPT", "LOAD", call.script.lua).catch((error: unknown) => void unloaded.push(error));
  }
  const sent = calls.map((call) => redis.callBuffer(...wordsOf(call)));
  stream?.uncork();
  options.onRoundTrip();
  const settled = await Promise.allSettled(sent);
  return settled.map((one) => {
    if (one.status === "fulfilled") return replyOf(one.value);
    // A script that cannot be loaded is unknown to the call behind it, and why says more.
    return errorOf(isUnknownScript(one.reason) ? (unloaded[0] ?? one.reason) : one.reason);
  });
}

type Word = string | number | Buffer;

function wordOf(argument: Argument): Word {
  if (typeof argument !== "object" || Buffer.isBuffer(argument)) return argument;
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength);
}

function wordsOf(call: Call): [command: string, ...args: Word[]] {
  const args = call.args.map(wordOf);
  if ("command" in call) return [call.command, ...args];
  return ["EVALSHA", call.script.sha1, call.keys.length, ...call.keys, ...args];
}

/** Octets of the arguments of calls, characters of text counted as octets. */
export function octetsOf(calls: readonly Call[]): number {
  return calls.reduce((sum, { args }) => sum + args.reduce<number>((all, arg) => all + sizeOf(arg), 0), 0);
}

function sizeOf(argument: Argument): number {
  return typeof argument === "number" ? 8 : argument.length;
}

function replyOf(value: unknown): Reply {
  if (Buffer.isBuffer(value) || typeof value === "number" || value === null) return value;
  if (Array.isArray(value)) return value.map(replyOf);
  return typeof value === "string" ? Buffer.from(value) : null;
}

/** The client hangs the command with all its arguments, contents too, on an error: they do not belong in a log. */
function errorOf(reason: unknown): Error {
  if (!(reason instanceof Error)) return new Error(String(reason));
  if ("command" in reason) delete reason.command;
  return reason;
}
