import { describe, expect, test } from "vitest";
import { createLogger } from "../../runtime/log.ts";
import { createManualClock, type ManualClock } from "../../test/harness/manual-clock.ts";
import { keepLease, type Lease } from "./lease.ts";

const silent = createLogger({ level: "silent", destination: { write: () => undefined } });
const start = 1_795_348_800_000;
const length = 60_000;

type Answer = "Renewed" | "Lost" | "Away";

/** A lease on a store that gives these answers in turn, the last one on and on. `asked`: when, in seconds. */
function leaseOn(...answers: readonly Answer[]): { lease: Lease; clock: ManualClock; asked: number[] } {
  const clock = createManualClock(start);
  const asked: number[] = [];
  const renew = (): Promise<boolean> => {
    const answer = answers[Math.min(asked.length, answers.length - 1)];
    asked.push((clock.now() - start) / 1000);
    return answer === "Away" ? Promise.reject(new Error("no store")) : Promise.resolve(answer === "Renewed");
  };
  const held = { key: "m1/0", token: 1, leaseUntil: start + length };
  return { lease: keepLease(held, { spool: { renew }, clock, log: silent, length }), clock, asked };
}

describe("a lease", () => {
  test("is renewed each third of its length, until it is stopped", async () => {
    const { lease, clock, asked } = leaseOn("Renewed");
    await clock.advance(100_000);
    expect(asked).toEqual([20, 40, 60, 80, 100]);
    expect(lease.until).toBe(start + 160_000);
    lease.stop();
    await clock.advance(100_000);
    expect(asked).toHaveLength(5);
  });

  test("that somebody else has now is lost, and not asked for again", async () => {
    const { lease, clock, asked } = leaseOn("Renewed", "Lost");
    await clock.advance(200_000);
    expect(asked).toEqual([20, 40]);
    expect(lease.lost.aborted).toBe(true);
    expect(await lease.mayEnd()).toBe(false);
    expect(asked).toHaveLength(2);
  });

  test("outlives a store that is away for a while", async () => {
    const { lease, clock, asked } = leaseOn("Away", "Renewed");
    await clock.advance(60_000);
    expect(asked).toEqual([20, 40, 60]);
    expect(lease.until).toBe(start + 120_000);
    expect(lease.lost.aborted).toBe(false);
  });

  test("is asked for on and on while the store is away, and is lost or renewed when that is back", async () => {
    const away = ["Away", "Away", "Away", "Away"] as const;
    const back = leaseOn(...away, "Renewed");
    await back.clock.advance(120_000);
    expect(back.asked).toEqual([20, 40, 60, 80, 100, 120]);
    expect(back.lease.until).toBe(start + 180_000);
    const gone = leaseOn(...away, "Lost");
    await gone.clock.advance(120_000);
    expect(gone.lease.lost.aborted).toBe(true);
  });

  test.each([
    { title: "at once while a third is left", answer: "Away", at: 40_000, want: true, renewals: 2 },
    { title: "not when less is left and the store is away", answer: "Away", at: 40_001, want: false, renewals: 3 },
    { title: "not when it ran out and the store is away", answer: "Away", at: 90_000, want: false, renewals: 5 },
    { title: "without asking when it is fresh", answer: "Renewed", at: 0, want: true, renewals: 0 },
  ] as const)("lets a message end: $title", async ({ answer, at, want, renewals }) => {
    const { lease, clock, asked } = leaseOn(answer);
    await clock.advance(at);
    expect(await lease.mayEnd()).toBe(want);
    expect(asked).toHaveLength(renewals);
  });

  test("that ran out while the process stood still is renewed before the final dot", async () => {
    const { lease, clock, asked } = leaseOn("Renewed");
    clock.jump(61_000);
    expect(await lease.mayEnd()).toBe(true);
    expect(asked).toEqual([61]);
  });
});
