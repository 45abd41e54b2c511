import { expect, test } from "vitest";
import { createManualClock } from "../test/harness/manual-clock.ts";
import { createUsagePull } from "./usage-pull.ts";

test("that usage cannot be pulled is told once, and that it can again", async () => {
  const told: string[] = [];
  let isUp = false;
  const pull = createUsagePull({
    source: { usage: () => (isUp ? Promise.resolve(new Map()) : Promise.reject(new Error("no relay is ready"))) },
    clock: createManualClock(0),
    interval: 30_000,
    tenants: () => ["team/shop"],
    onChange: () => undefined,
    onUnavailable: (error) => told.push(error instanceof Error ? error.message : ""),
    onAvailable: () => told.push("again"),
  });
  for (const up of [false, false, false, true, true, false, false]) {
    isUp = up;
    await pull.pull();
  }
  expect(told).toEqual(["no relay is ready", "again", "no relay is ready"]);
  expect(await pull.of("team/shop")).toEqual({ kind: "Unavailable" });
  pull.stop();
});

test("a stop ends what is under way, and nobody hears of it as a failure", async () => {
  const told: string[] = [];
  const signals: (AbortSignal | undefined)[] = [];
  const pull = createUsagePull({
    source: {
      usage(_tenants, signal) {
        signals.push(signal);
        return new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
      },
    },
    clock: createManualClock(0),
    interval: 30_000,
    tenants: () => ["team/shop"],
    onChange: (tenants) => told.push(...tenants),
    onUnavailable: () => told.push("unavailable"),
    onAvailable: () => told.push("available"),
  });
  const [asked, pulled] = [pull.of("team/new"), pull.pull()];
  pull.stop();
  expect(await asked).toBeUndefined();
  await pulled;
  expect(signals.map((signal) => signal?.aborted)).toEqual([true, true]);
  expect(told).toEqual([]);
});
