import { Writable } from "node:stream";
import { expect, test, vi } from "vitest";
import type { Clock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { startCapturePruning } from "./capture-pruning.ts";

const limits = { retention: 1000, maxMessages: 10, maxOctets: 1000 };

/** A clock whose timers fire when they are told to. */
function handClock(): Clock & { fire(): void; waiting(): number } {
  const timers = new Set<() => void>();
  return {
    now: () => 5000,
    after(_delay, callback) {
      timers.add(callback);
      return () => timers.delete(callback);
    },
    sleep: () => Promise.resolve(),
    waiting: () => timers.size,
    fire() {
      const due = [...timers];
      timers.clear();
      for (const callback of due) callback();
    },
  };
}

function setUp(prune: (now: number) => Promise<number>) {
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    destination: new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) }),
  });
  const clock = handClock();
  return { clock, lines, stop: startCapturePruning({ captures: { prune }, limits, clock, log }) };
}

test("captures are pruned at once, then round after round, until it is stopped", async () => {
  let rounds = 0;
  const { clock, lines, stop } = setUp(async (now) => {
    expect(now).toBe(5000);
    rounds += 1;
    return rounds;
  });
  await vi.waitFor(() => expect(clock.waiting()).toBe(1));
  clock.fire();
  await vi.waitFor(() => expect(rounds).toBe(2));
  await stop();
  expect(clock.waiting()).toBe(0);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ pruned: 1 }, { pruned: 2 }]);
});

test("a store that fails is tried again in the next round", async () => {
  let rounds = 0;
  const { clock, lines, stop } = setUp(async () => {
    rounds += 1;
    if (rounds === 1) throw new Error("disk full");
    return 0;
  });
  await vi.waitFor(() => expect(clock.waiting()).toBe(1));
  clock.fire();
  await vi.waitFor(() => expect(rounds).toBe(2));
  await stop();
  expect(lines.join("")).toContain("the next round tries again");
});
