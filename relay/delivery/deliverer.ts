import { parseDuration } from "../../runtime/duration.ts";
import type { AddressGuard } from "../../net/address-guard.ts";
import type { Resolver } from "../../net/resolver.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import type { DeliveryConfig } from "../attempt/config.ts";
import { createPool, type Pool } from "../attempt/pool.ts";
import { openSession } from "../attempt/session.ts";
import type { Directory } from "../directory.ts";
import type { EventSink } from "../event/event.ts";
import type { Outcome } from "../outcome/settle.ts";
import type { Random } from "../route/mx.ts";
import type { Signer } from "../sign/signer.ts";
import type { Captures } from "../store/captures.ts";
import type { Delivery, Spool } from "../store/spool.ts";
import { createRoom } from "../../runtime/room.ts";
import { timeLimit } from "../../runtime/time-limit.ts";
import { deliver, settleBroken, type DeliverParts } from "./deliver.ts";
import { createDoorbell, type Doorbell } from "./doorbell.ts";
import { keepLease, type Lease } from "./lease.ts";
import { type OutcomeWriter, outcomeWriter } from "./outcome-writer.ts";

export interface DelivererOptions {
  readonly spool: Pick<Spool, "claim" | "renew" | "content" | "settle" | "nextDue">;
  readonly captures: Pick<Captures, "keep">;
  /** Octets of captures that an environment may keep. */
  readonly captureOctets: number;
  /** The contracts as they are now. */
  readonly directory: () => Directory;
  readonly signer: Signer;
  readonly resolver: Resolver;
  readonly guard: AddressGuard;
  /** Name of this relay, for EHLO. */
  readonly hostname: string;
  /** Certification authorities, PEM, that smarthosts are verified by; Node's own when absent. */
  readonly ca?: readonly string[];
  readonly config: DeliveryConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly events: EventSink;
}

/** A running deliverer. */
export interface Deliverer {
  /** Something was spooled: look at once. */
  wake(): void;
  /** Deliveries under way. */
  readonly running: number;
  /** When the lease that it has held for longest was claimed, milliseconds since the epoch; undefined when it holds none. */
  readonly holdsSince: number | undefined;
  /**
   * Claims no more and lets attempts finish for `grace` milliseconds (20 s by default), then breaks them off and writes what
   * became of them. Resolves when nothing is left.
   */
  stop(grace?: number): Promise<void>;
}

/** The longest sleep, in milliseconds: another process may have made something due. */
const longestSleep = 2000;
/** The shortest, so that a spool that says "now" and gives nothing costs no whole core. */
const shortestSleep = 20;
/** Pauses after the store failed: doubling from the first to the longest, in milliseconds. */
const firstPause = 250;
const longestPause = 10_000;

interface State {
  readonly options: DelivererOptions;
  readonly parts: DeliverParts;
  readonly bell: Doorbell;
  readonly writer: OutcomeWriter;
  /** Since when, in that order. */
  readonly running: Map<Promise<void>, number>;
  readonly abort: AbortController;
  /** Milliseconds. */
  readonly attemptTimeout: number;
  /** Milliseconds. */
  readonly lease: number;
  /** The last claim took all the room that there was: more may be due. */
  mayHaveMore: boolean;
  stopping: boolean;
}

/** Starts to deliver what is due in the spool, and goes on until it is stopped. */
export function startDeliverer(options: DelivererOptions): Deliverer {
  const { clock, config } = options;
  const pool = poolOf(options);
  const abort = new AbortController();
  const state: State = {
    options,
    parts: partsOf(options, pool),
    bell: createDoorbell(clock),
    writer: outcomeWriter({ ...options, signal: abort.signal }),
    running: new Map(),
    abort,
    attemptTimeout: parseDuration(config.attemptTimeout),
    lease: parseDuration(config.lease),
    mayHaveMore: false,
    stopping: false,
  };
  const loop = run(state);
  return {
    wake: () => state.bell.ring(),
    get running() {
      return state.running.size;
    },
    get holdsSince() {
      return state.running.values().next().value;
    },
    async stop(grace = 20_000) {
      state.stopping = true;
      state.bell.ring();
      await loop;
      const cancel = clock.after(grace, () => state.abort.abort());
      while (state.running.size > 0) await Promise.all(state.running.keys());
      cancel();
      pool.close();
    },
  };
}

function poolOf({ clock, config, hostname, ca, directory }: DelivererOptions): Pool {
  const limits = {
    connectTimeout: parseDuration(config.connectTimeout),
    greetingTimeout: parseDuration(config.greetingTimeout),
    commandTimeout: parseDuration(config.commandTimeout),
    dataTimeout: parseDuration(config.dataTimeout),
    ...(ca === undefined ? {} : { ca }),
  };
  const loginOf = (secretName: string) => directory().smarthostSecret(secretName)?.login;
  return createPool({
    open: (hop, signal) => openSession(hop, { hostname, limits, clock, loginOf }, signal),
    limits: {
      connectionsPerHop: config.connectionsPerHop,
      messagesPerConnection: config.messagesPerConnection,
      idleTimeout: parseDuration(config.idleTimeout),
      unreachableFor: parseDuration(config.unreachableFor),
    },
    clock,
  });
}

function partsOf(options: DelivererOptions, pool: Pool): DeliverParts {
  const { spool, captures, captureOctets, directory, signer, resolver, guard, random, clock, config } = options;
  return {
    spool,
    captures,
    captureOctets,
    directory,
    signer,
    pool,
    room: createRoom(config.bufferedBytes),
    clock,
    route: { resolver, guard, random, port: config.port },
    schedule: {
      delays: config.retry.delays.map(parseDuration),
      jitter: config.retry.jitter,
      maxAge: parseDuration(config.maxAge),
    },
  };
}

/** Claims and sleeps in turn. A store that fails is asked again after a pause; nothing ends the loop but `stop`. */
async function run(state: State): Promise<void> {
  const { log } = state.options;
  let pause = firstPause;
  while (!state.stopping) {
    state.bell.silence();
    try {
      await state.bell.wait(await claimDue(state));
      pause = firstPause;
    } catch (error) {
      log.error({ err: error }, "the spool cannot be read; trying again");
      await state.bell.wait(pause);
      pause = Math.min(pause * 2, longestPause);
    }
  }
}

/** Starts what is due, as far as there is room. Returns how long to sleep, in milliseconds. */
async function claimDue(state: State): Promise<number> {
  const { spool, clock, config } = state.options;
  await state.writer.catchUp();
  const room = config.concurrency - state.running.size;
  if (room <= 0) return longestSleep;
  const claimed = await spool.claim(clock.now(), room, state.lease);
  for (const delivery of claimed) begin(state, delivery);
  state.mayHaveMore = claimed.length === room;
  if (state.mayHaveMore) return longestSleep;
  const due = await spool.nextDue();
  if (due === undefined) return longestSleep;
  return Math.min(Math.max(due - clock.now(), shortestSleep), longestSleep);
}

function begin(state: State, delivery: Delivery): void {
  const task = handle(state, delivery).finally(() => {
    state.running.delete(task);
    // Not at each end: claims are transactions, and several are cheaper in one.
    const hasRoom = state.running.size <= state.options.config.concurrency * 0.75;
    if (hasRoom && state.mayHaveMore) state.bell.ring();
  });
  state.running.set(task, state.options.clock.now());
}

/** Delivers, writes what became of it, and tells it when it is written. Never rejects. */
async function handle(state: State, delivery: Delivery): Promise<void> {
  const { spool, log, clock } = state.options;
  const lease = keepLease(delivery, { spool, clock, log, length: state.lease });
  const outcome = await work(state, delivery, lease);
  const written = await state.writer.write(delivery, outcome.settlement, lease);
  lease.stop();
  if (!written) return;
  for (const event of outcome.events) tell(state.options, event);
  const { settlement } = outcome;
  const isSoon = settlement.kind === "Again" && settlement.dueAt - clock.now() < longestSleep;
  if (isSoon) state.bell.ring();
}

/** Delivers within the time that there is. What breaks is deferred. */
async function work(state: State, delivery: Delivery, lease: Lease): Promise<Outcome> {
  const { log, clock } = state.options;
  const limit = timeLimit(clock, state.attemptTimeout, AbortSignal.any([state.abort.signal, lease.lost]));
  try {
    return await deliver(delivery, state.parts, { signal: limit.signal, mayEnd: () => lease.mayEnd() });
  } catch (error) {
    log.error({ err: error, delivery: delivery.key }, "a delivery broke; it is deferred");
    return settleBroken(delivery, error, state.parts);
  } finally {
    limit.cancel();
  }
}

function tell({ events, log }: DelivererOptions, event: Parameters<EventSink>[0]): void {
  try {
    events(event);
  } catch (error) {
    log.error({ err: error }, "an event was lost");
  }
}
