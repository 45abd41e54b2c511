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
  /** Callers that hold a session or ask for one. */
  users: number;
  readonly idle: { readonly session: Session; readonly cancel: Cancel }[];
  readonly waiting: (() => void)[];
  /** How many messages each session has carried. */
  readonly sent: WeakMap<Session, number>;
  /** Why connecting is not tried for now. */
  unreachable: OpenFailure | undefined;
}

const tooLate: OpenFailure = {
  stage: "Connect",
  error: { code: "ETIMEDOUT", message: "no connection was free in time" },
};

/** The sessions with `hop`, none at first. `onEmpty` is called whenever nothing is left to remember. */
export function hopSessions(hop: Hop, parts: PoolParts, onEmpty: () => void): HopSessions {
  const state: State = {
    hop,
    parts,
    onEmpty,
    open: 0,
    users: 0,
    idle: [],
    waiting: [],
    sent: new WeakMap(),
    unreachable: undefined,
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

/** A session is gone: whoever is first in line may open another. */
function free(state: State): void {
  state.open--;
  state.waiting.shift()?.();
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

async function obtain(state: State, { fresh = false, signal }: AcquireOptions): Promise<Acquired> {
  const { connectionsPerHop } = state.parts.limits;
  for (;;) {
    if (signal?.aborted === true) return { failure: tooLate };
    const session = fresh ? undefined : takeIdle(state);
    if (session !== undefined) return { session, reused: true };
    if (state.unreachable !== undefined) return { failure: state.unreachable };
    const [spare] = state.idle;
    if (state.open >= connectionsPerHop && spare !== undefined) retire(state, spare.session);
    if (state.open < connectionsPerHop) return openFresh(state, signal);
    await turnIn(state.waiting, signal);
  }
}

async function openFresh(state: State, signal?: AbortSignal): Promise<Acquired> {
  state.open++;
  const opened = await state.parts.open(state.hop, signal);
  if ("session" in opened) return { session: opened.session, reused: false };
  const { stage, reply } = opened.failure;
  const isDown = stage === "Connect" && reply === undefined && signal?.aborted !== true;
  if (isDown) {
    state.unreachable = opened.failure;
    state.parts.clock.after(state.parts.limits.unreachableFor, () => {
      state.unreachable = undefined;
      checkEmpty(state);
    });
  }
  free(state);
  return opened;
}

function takeBack(state: State, session: Session, usable: boolean): void {
  const { messagesPerConnection, idleTimeout } = state.parts.limits;
  state.users--;
  const count = (state.sent.get(session) ?? 0) + 1;
  state.sent.set(session, count);
  if (usable && session.isOpen && count < messagesPerConnection) {
    const cancel = state.parts.clock.after(idleTimeout, () => retire(state, session));
    state.idle.push({ session, cancel });
    state.waiting.shift()?.();
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

/** Resolves when it is the caller's turn, or when the signal is aborted. */
function turnIn(waiting: (() => void)[], signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const turn = (): void => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    };
    const onAbort = (): void => {
      const at = waiting.indexOf(turn);
      if (at >= 0) waiting.splice(at, 1);
      resolve();
    };
    waiting.push(turn);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
