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
