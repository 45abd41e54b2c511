import type { Cancel, Clock } from "../../runtime/clock.ts";
import type { Hop } from "../route/hop.ts";
import type { OpenFailure, Opened, Session } from "./session.ts";

/** Bounds of a pool; see the fields of the same names in config.ts. Durations are milliseconds. */
export interface PoolLimits {
  readonly connectionsPerHop: number;
  readonly messagesPerConnection: number;
  readonly idleTimeout: number;
  readonly unreachableFor: number;
}

export interface PoolParts {
  /** Opens a session; never rejects. */
  readonly open: (hop: Hop, signal?: AbortSignal) => Promise<Opened>;
  readonly limits: PoolLimits;
  readonly clock: Clock;
}

/** A session on loan. */
export interface Loan {
  readonly session: Session;
  /** It has carried a message before, so the hop may have closed it unnoticed. */
  readonly reused: boolean;
}

export type Acquired = Loan | { readonly failure: OpenFailure };

export interface AcquireOptions {
  /** Only one that was never used will do. */
  readonly fresh?: boolean;
  readonly signal?: AbortSignal;
}

/** The sessions with one hop: some on loan, some idle, callers in line for the next. */
export interface HopSessions {
  acquire(options: AcquireOptions): Promise<Acquired>;
  release(session: Session, usable: boolean): void;
  closeIdle(): void;
  /** Sessions that stand open or are being opened. */
  readonly open: number;
}

interface State {
  readonly hop: Hop;
  readonly parts: PoolParts;
  readonly onEmpty: () => void;
  /** Sessions that stand open or are being opened, idle ones included. */
  open: number;
  /** Those of them that are being opened. */
  opening: number;
  /** Callers that hold a session or ask for one. */
  users: number;
  readonly idle: { readonly session: Session; readonly cancel: Cancel }[];
  readonly waiting: (() => void)[];
  /** How many messages each session has carried. */
  readonly sent: WeakMap<Session, number>;
  /** Why connecting is not tried for now. */
  unreachable: OpenFailure | undefined;
  /** Somebody waited in vain, and no session has come back since. */
  stalled: boolean;
}

/**
 * The longest wait for a session, in milliseconds. Whoever waits takes a place that mail for other hops could have, so it
 * comes back later instead.
 */
export const longestWait = 2000;

const tooLate: OpenFailure = {
  stage: "Connect",
  error: { code: "ETIMEDOUT", message: "no connection was free in time" },
};

const busy: OpenFailure = {
  stage: "Connect",
  error: { code: "EBUSY", message: "every connection to the server that we may have is in use" },
};

/** The sessions with `hop`, none at first. `onEmpty` is called whenever nothing is left to remember. */
export function hopSessions(hop: Hop, parts: PoolParts, onEmpty: () => void): HopSessions {
  const state: State = {
    hop,
    parts,
    onEmpty,
    open: 0,
    opening: 0,
    users: 0,
    idle: [],
    waiting: [],
    sent: new WeakMap(),
    unreachable: undefined,
    stalled: false,
  };
  return {
    async acquire(options) {
      state.users++;
      const acquired = await obtain(state, options);
      if ("session" in acquired) return acquired;
      state.users--;
      checkEmpty(state);
      return acquired;
    },
    release: (session, usable) => takeBack(state, session, usable),
    closeIdle() {
      for (const { session } of state.idle.slice()) retire(state, session);
    },
    get open() {
      return state.open;
    },
  };
}

function checkEmpty(state: State): void {
  if (state.users === 0 && state.idle.length === 0 && state.unreachable === undefined) state.onEmpty();
}

/** Wakes whoever is first in line. */
function wakeNext(state: State): void {
  state.waiting.shift()?.();
}

/** A session is gone: whoever is first in line may open another. */
function free(state: State): void {
  state.open--;
  state.stalled = false;
  wakeNext(state);
}

/** Closes an idle session. */
function retire(state: State, session: Session): void {
  const at = state.idle.findIndex((idle) => idle.session === session);
  if (at < 0) return;
  const [idle] = state.idle.splice(at, 1);
  idle?.cancel();
  session.close();
  free(state);
  checkEmpty(state);
}

async function obtain(state: State, options: AcquireOptions): Promise<Acquired> {
  for (;;) {
    if (options.signal?.aborted === true) {
      // Its turn may have come in the same moment.
      wakeNext(state);
      return { failure: tooLate };
    }
    const next = atHand(state, options);
    if (typeof next === "object") return next;
    if (next === "Open") {
      const opened = await openFresh(state, options.signal);
      if ("session" in opened) return { session: opened.session, reused: false };
      if (state.unreachable === undefined) return opened;
    } else if (!(await turnIn(state, options.signal))) return { failure: busy };
  }
}

/** What can be had at once, or what is to be done for it. */
function atHand(state: State, { fresh = false }: AcquireOptions): Acquired | "Open" | "Wait" {
  const { connectionsPerHop } = state.parts.limits;
  const session = fresh ? undefined : takeIdle(state);
  if (session !== undefined) return { session, reused: true };
  // A hop that takes no more connections may well serve those that stand: then it is worth waiting for one.
  const mayWait = !fresh && state.open > state.opening;
  if (state.unreachable !== undefined && !mayWait) {
    wakeNext(state);
    return { failure: state.unreachable };
  }
  const [spare] = state.idle;
  if (state.open >= connectionsPerHop && spare !== undefined) retire(state, spare.session);
  if (state.open < connectionsPerHop && state.unreachable === undefined) return "Open";
  return state.stalled ? { failure: busy } : "Wait";
}

async function openFresh(state: State, signal?: AbortSignal): Promise<Opened> {
  state.open++;
  state.opening++;
  const opened = await state.parts.open(state.hop, signal);
  state.opening--;
  if ("session" in opened) return opened;
  const { stage, reply } = opened.failure;
  const others = state.open - state.opening - 1;
  const takesNoMore = stage === "Connect" && (reply === undefined || (reply.startsWith("4") && others > 0));
  // Smarthosts lock out who comes with a wrong password again and again.
  const takesNotUs = stage === "Auth";
  if ((takesNoMore || takesNotUs) && signal?.aborted !== true) passOver(state, opened.failure);
  free(state);
  return opened;
}

/** Tries no connection for a while. */
function passOver(state: State, failure: OpenFailure): void {
  state.unreachable = failure;
  state.parts.clock.after(state.parts.limits.unreachableFor, () => {
    if (state.unreachable !== failure) return;
    state.unreachable = undefined;
    wakeNext(state);
    checkEmpty(state);
  });
}

function takeBack(state: State, session: Session, usable: boolean): void {
  const { messagesPerConnection, idleTimeout } = state.parts.limits;
  state.users--;
  const count = (state.sent.get(session) ?? 0) + 1;
  state.sent.set(session, count);
  if (usable && session.isOpen && count < messagesPerConnection) {
    const cancel = state.parts.clock.after(idleTimeout, () => retire(state, session));
    state.idle.push({ session, cancel });
    state.stalled = false;
    wakeNext(state);
    return;
  }
  session.close(!usable);
  free(state);
  checkEmpty(state);
}

/** The idle session that was used last, for it is the likeliest to stand yet; closed ones are dropped on the way. */
function takeIdle(state: State): Session | undefined {
  for (let idle = state.idle.pop(); idle !== undefined; idle = state.idle.pop()) {
    idle.cancel();
    if (idle.session.isOpen) return idle.session;
    free(state);
  }
  return undefined;
}

/** Waits for the caller's turn; false when it waited too long. With a signal that is aborted it ends at once. */
function turnIn(state: State, signal?: AbortSignal): Promise<boolean> {
  const { waiting, parts } = state;
  return new Promise((resolve) => {
    const finish = (isTurn: boolean): void => {
      cancel();
      signal?.removeEventListener("abort", onAbort);
      const at = waiting.indexOf(turn);
      if (at >= 0) waiting.splice(at, 1);
      resolve(isTurn);
    };
    const turn = (): void => finish(true);
    const onAbort = (): void => finish(true);
    const cancel = parts.clock.after(longestWait, () => {
      state.stalled = true;
      finish(false);
    });
    waiting.push(turn);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
