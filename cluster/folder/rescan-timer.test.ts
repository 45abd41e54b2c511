import { beforeEach, expect, test, vi } from "vitest";
import type { Clock } from "../../runtime/clock.ts";
import { createRescanTimer } from "./rescan-timer.ts";
import { nextTurn } from "../../runtime/turn.ts";

/** A clock that stands still until it is set. */
function handClock(): Clock & { set(now: number): void } {
  const timers = new Set<{ at: number; callback: () => void }>();
  let now = 0;
  return {
    now: () => now,
    after(delay, callback) {
      const timer = { at: now + delay, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    sleep: () => Promise.resolve(),
    set(to) {
      now = to;
      for (const timer of timers) {
        if (timer.at > now) continue;
        timers.delete(timer);
        timer.callback();
      }
    },
  };
}

const timing = { settle: 100, patience: 300, rescan: 1000 };
let clock: ReturnType<typeof handClock>;
beforeEach(() => {
  clock = handClock();
});
/** Lets everything run that is ready. */

test("waits until changes have settled", async () => {
  const task = vi.fn<() => Promise<void>>(async () => undefined);
  const timer = createRescanTimer({ clock, timing, onError: () => undefined }, task);
  timer.soon();
  clock.set(90);
  timer.soon();
  clock.set(180);
  await nextTurn();
  expect(task).toHaveBeenCalledTimes(0);
  clock.set(190);
  await nextTurn();
  expect(task).toHaveBeenCalledTimes(1);
});

test("does not wait for ever while changes go on", async () => {
  const task = vi.fn<() => Promise<void>>(async () => undefined);
  const timer = createRescanTimer({ clock, timing, onError: () => undefined }, task);
  for (let at = 0; at < 300; at += 50) {
    clock.set(at);
    timer.soon();
  }
  clock.set(300);
  await nextTurn();
  expect(task).toHaveBeenCalledTimes(1);
});

test("runs now and then without a word, also after a failure, until it is stopped", async () => {
  const onError = vi.fn<(error: unknown) => void>();
  const task = vi.fn<() => Promise<void>>(() => Promise.reject(new Error("no")));
  const timer = createRescanTimer({ clock, timing, onError }, task);
  await expect(timer.now()).rejects.toThrow("no");
  clock.set(1000);
  await nextTurn();
  clock.set(2000);
  await nextTurn();
  expect(task).toHaveBeenCalledTimes(3);
  expect(onError).toHaveBeenCalledTimes(2);
  await timer.stop();
  timer.soon();
  clock.set(9000);
  await nextTurn();
  expect(task).toHaveBeenCalledTimes(3);
});

test("never runs twice at once, and misses no word that comes while it runs", async () => {
  const running = { now: 0, most: 0, runs: 0 };
  const finished = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const timer = createRescanTimer({ clock, timing, onError: () => undefined }, async () => {
    running.runs += 1;
    running.most = Math.max(running.most, (running.now += 1));
    await finished[running.runs - 1]?.promise;
    running.now -= 1;
  });
  const first = timer.now();
  await nextTurn();
  timer.soon();
  clock.set(100);
  await nextTurn();
  finished[0]?.resolve();
  await first;
  await nextTurn();
  expect(running).toMatchObject({ runs: 2, most: 1 });
  finished[1]?.resolve();
});
