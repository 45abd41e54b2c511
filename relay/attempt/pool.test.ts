import { describe, expect, test } from "vitest";
import type { Cancel, Clock } from "../../runtime/clock.ts";
import type { Hop } from "../route/hop.ts";
import { longestWait, type PoolLimits } from "./hop-sessions.ts";
import { createPool } from "./pool.ts";
import type { OpenFailure, Session } from "./session.ts";

const hop: Hop = { host: "mx.example.net", address: "192.0.2.1", port: 25, tls: { start: "Never", verify: false } };

/** A clock that moves when it is told to. */
function handClock(): Clock & { move(by: number): void } {
  let now = 0;
  const timers = new Map<object, { readonly at: number; readonly callback: () => void }>();
  return {
    now: () => now,
    after(delay, callback): Cancel {
      const id = {};
      timers.set(id, { at: now + delay, callback });
      return () => timers.delete(id);
    },
    sleep: () => Promise.resolve(),
    move(by) {
      now += by;
      for (const [id, { at, callback }] of timers) {
        if (at > now) continue;
        timers.delete(id);
        callback();
      }
    },
  };
}

class TestSession implements Session {
  readonly hop: Hop;
  readonly tls = undefined;
  readonly extensions = new Map<string, string>();
  isOpen = true;
  constructor(at: Hop) {
    this.hop = at;
  }
  send(): ReturnType<Session["send"]> {
    return Promise.reject(new Error("not here"));
  }
  reset(): Promise<boolean> {
    return Promise.resolve(true);
  }
  close(): void {
    this.isOpen = false;
  }
}

function fixture(some: Partial<PoolLimits> = {}) {
  const clock = handClock();
  const opened: TestSession[] = [];
  const state: { failure: OpenFailure | undefined; pending: Promise<OpenFailure>[]; tries: number } = {
    failure: undefined,
    pending: [],
    tries: 0,
  };
  const pool = createPool({
    open: (at) => {
      state.tries++;
      const pending = state.pending.shift();
      if (pending !== undefined) return pending.then((failure) => ({ failure }));
      if (state.failure !== undefined) return Promise.resolve({ failure: state.failure });
      const session = new TestSession(at);
      opened.push(session);
      return Promise.resolve({ session });
    },
    limits: { connectionsPerHop: 2, messagesPerConnection: 3, idleTimeout: 100, unreachableFor: 50, ...some },
    clock,
  });
  const acquire = async (signal?: AbortSignal): Promise<Session> => {
    const acquired = await pool.acquire(hop, signal === undefined ? {} : { signal });
    if ("failure" in acquired) throw new Error(acquired.failure.error.message);
    return acquired.session;
  };
  return { clock, opened, state, pool, acquire };
}

describe("a pool", () => {
  test("keeps a session for the next message, for a while", async () => {
    const { clock, opened, pool, acquire } = fixture();
    pool.release(await acquire(), true);
    pool.release(await acquire(), true);
    expect(opened).toHaveLength(1);
    clock.move(100);
    expect(opened[0]?.isOpen).toBe(false);
    expect(pool.size).toBe(0);
    await acquire();
    expect(opened).toHaveLength(2);
  });

  test("counts the idle time of a session from when it came back last", async () => {
    const { clock, opened, pool, acquire } = fixture();
    pool.release(await acquire(), true);
    clock.move(60);
    pool.release(await acquire(), true);
    clock.move(60);
    expect(opened[0]?.isOpen).toBe(true);
    clock.move(40);
    expect(opened[0]?.isOpen).toBe(false);
  });

  test("closes a session after so many messages, or when it is of no use", async () => {
    const { opened, pool, acquire } = fixture();
    for (let i = 0; i < 3; i++) pool.release(await acquire(), true);
    expect(opened.map(({ isOpen }) => isOpen)).toEqual([false]);
    pool.release(await acquire(), false);
    expect(opened.map(({ isOpen }) => isOpen)).toEqual([false, false]);
    expect(pool.size).toBe(0);
  });

  test("drops an idle session that the hop has closed", async () => {
    const { opened, pool, acquire } = fixture();
    const session = await acquire();
    pool.release(session, true);
    session.close();
    await acquire();
    expect(opened).toHaveLength(2);
    expect(pool.size).toBe(1);
  });

  test("hands a session to whoever waits first", async () => {
    const { pool, acquire } = fixture();
    const first = await acquire();
    await acquire();
    const order: string[] = [];
    const third = acquire().then((session) => {
      order.push("third");
      return session;
    });
    const fourth = acquire().then(() => order.push("fourth"));
    expect(pool.size).toBe(2);
    pool.release(first, true);
    expect(await third).toBe(first);
    pool.release(first, false);
    await fourth;
    expect(order).toEqual(["third", "fourth"]);
    expect(pool.size).toBe(2);
  });

  test("lets no one wait longer than its signal, nor holds a turn for who left", async () => {
    const { pool, acquire } = fixture({ connectionsPerHop: 1 });
    const session = await acquire();
    const controller = new AbortController();
    const left = acquire(controller.signal);
    const stayed = acquire();
    controller.abort();
    await expect(left).rejects.toThrow("no connection was free in time");
    pool.release(session, true);
    expect(await stayed).toBe(session);
  });

  test("replaces an idle session when a fresh one is asked for and there is no room", async () => {
    const { opened, pool, acquire } = fixture({ connectionsPerHop: 1 });
    pool.release(await acquire(), true);
    const fresh = await pool.acquire(hop, { fresh: true });
    expect(fresh).toMatchObject({ reused: false });
    expect(opened.map(({ isOpen }) => isOpen)).toEqual([false, true]);
  });

  test("passes over a hop that nobody answers at, for a while", async () => {
    const { clock, state, pool, acquire } = fixture();
    state.failure = { stage: "Connect", error: { code: "ECONNREFUSED", message: "refused" } };
    await expect(acquire()).rejects.toThrow("refused");
    await expect(acquire()).rejects.toThrow("refused");
    expect(state.tries).toBe(1);
    clock.move(50);
    state.failure = undefined;
    await acquire();
    expect(pool.size).toBe(1);
  });

  test("does not pass over a hop that answered with a refusal", async () => {
    const { state, acquire } = fixture();
    state.failure = { stage: "Connect", reply: "421 busy", error: { code: "EPROTOCOL", message: "busy" } };
    await expect(acquire()).rejects.toThrow("busy");
    await expect(acquire()).rejects.toThrow("busy");
    expect(state.tries).toBe(2);
  });

  test("lets nobody wait for a hop that nobody answers at", async () => {
    const { state, acquire } = fixture();
    state.failure = { stage: "Connect", error: { code: "ETIMEDOUT", message: "silence" } };
    const all = await Promise.allSettled(Array.from({ length: 9 }, () => acquire()));
    expect(all.map(({ status }) => status)).toEqual(all.map(() => "rejected"));
    expect(state.tries).toBe(2);
  });

  test("passes over a hop for a while from its last failure on", async () => {
    const { clock, state, acquire } = fixture();
    const failures = [Promise.withResolvers<OpenFailure>(), Promise.withResolvers<OpenFailure>()];
    state.pending = failures.map(({ promise }) => promise);
    const lost = [acquire(), acquire()];
    failures[0]?.resolve({ stage: "Connect", error: { code: "", message: "first" } });
    await expect(lost[0]).rejects.toThrow("first");
    clock.move(30);
    failures[1]?.resolve({ stage: "Connect", error: { code: "", message: "second" } });
    await expect(lost[1]).rejects.toThrow("second");
    clock.move(20);
    await expect(acquire()).rejects.toThrow("second");
    clock.move(30);
    await acquire();
    expect(state.tries).toBe(3);
  });

  test("waits for a session where a hop serves some and takes no more", async () => {
    const { state, pool, acquire } = fixture({ connectionsPerHop: 5 });
    const session = await acquire();
    state.failure = { stage: "Connect", reply: "421 too many", error: { code: "EPROTOCOL", message: "too many" } };
    const second = acquire();
    const third = acquire();
    await Promise.resolve();
    pool.release(session, true);
    expect(await second).toBe(session);
    pool.release(session, false);
    await expect(third).rejects.toThrow("too many");
  });

  test("lets nobody hold a place for long, and not at all until a session comes back", async () => {
    const { clock, pool, acquire } = fixture({ connectionsPerHop: 1 });
    const session = await acquire();
    const patient = acquire();
    clock.move(longestWait);
    await expect(patient).rejects.toThrow("in use");
    await expect(acquire()).rejects.toThrow("in use");
    pool.release(session, false);
    const next = await acquire();
    const waiting = acquire();
    pool.release(next, true);
    expect(await waiting).toBe(next);
  });

  test("passes a turn on that came too late", async () => {
    const { pool, acquire } = fixture({ connectionsPerHop: 1 });
    const session = await acquire();
    const controller = new AbortController();
    const left = acquire(controller.signal);
    const stayed = acquire();
    pool.release(session, true);
    controller.abort();
    await expect(left).rejects.toThrow("no connection was free in time");
    expect(await stayed).toBe(session);
  });

  test("closes what comes back after it was closed", async () => {
    const { opened, pool, acquire } = fixture();
    const session = await acquire();
    pool.close();
    pool.release(session, true);
    expect(opened[0]?.isOpen).toBe(false);
    expect(pool.size).toBe(0);
  });
});
