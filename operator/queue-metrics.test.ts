import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createManualClock } from "../test/harness/manual-clock.ts";
import { createQueueMetrics } from "./queue-metrics.ts";
import { createWorkQueue } from "./work-queue.ts";
import { nextTurn } from "../runtime/turn.ts";

test("a queue tells what waits, what is worked on and for how long, and what is tried again", async () => {
  const clock = createManualClock(0);
  const registry = new Registry();
  let tries = 0;
  const queue = createWorkQueue({
    async work(key) {
      await clock.sleep(2000);
      if (key === "b" && tries++ === 0) throw new Error("once");
      return undefined;
    },
    onError: () => undefined,
    observer: createQueueMetrics(registry, "operator", clock),
    clock,
    random: () => 0,
    inFlight: 1,
    firstRetry: 500,
    longestRetry: 500,
  });
  for (const key of ["a", "a", "b"]) queue.add(key);
  await nextTurn();
  await clock.advance(1500);
  const lines = async (): Promise<readonly string[]> => (await registry.metrics()).split("\n");
  expect(await lines()).toContain('workqueue_unfinished_work_seconds{name="operator"} 1.5');
  expect(await lines()).toContain('workqueue_longest_running_processor_seconds{name="operator"} 1.5');
  for (let n = 0; n < 20; n++) {
    await clock.advance(500);
    await nextTurn();
  }
  expect(await lines()).toEqual(
    expect.arrayContaining([
      'workqueue_adds_total{name="operator"} 3',
      'workqueue_retries_total{name="operator"} 1',
      'workqueue_work_duration_seconds_count{name="operator"} 4',
      'workqueue_longest_running_processor_seconds{name="operator"} 0',
    ]),
  );
  await queue.stop();
});
