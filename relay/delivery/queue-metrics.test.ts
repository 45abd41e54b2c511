import { Registry } from "prom-client";
import { expect, test, vi } from "vitest";
import { createManualClock } from "../../test/harness/manual-clock.ts";
import { silent } from "../../test/harness/deliverer-world.ts";
import { draft, noon } from "../store/port-suite/fixture.ts";
import type { Queue, QueueRow } from "../store/queue.ts";
import { leaseMetrics } from "./lease-metrics.ts";
import { startQueueMetrics } from "./queue-metrics.ts";
import { nextTurn } from "../../runtime/turn.ts";

type Some = Pick<QueueRow, "leased" | "dueAt">;
const leased: Some = { leased: true, dueAt: noon };
const due: Some = { leased: false, dueAt: noon };
const waiting: Some = { leased: false, dueAt: noon + 3_600_000 };

/** A queue of rows, each accepted a second after the one before, the last of them now. */
function queueOf(kinds: readonly Some[]) {
  const rows = kinds.map((kind, index): QueueRow => {
    const at = noon - (kinds.length - 1 - index) * 1000;
    const { envelope } = draft(`m${index}`, { at });
    return { key: `m${index}/0`, envelope, domain: "", recipients: [], attempts: 0, ...kind };
  });
  return {
    list: vi.fn<Queue["list"]>(async (limit, _messageId, after) => {
      const from = rows.findIndex(({ key }) => key === after) + 1;
      return rows.slice(from, from + limit);
    }),
  };
}

const many = (count: number, kind: Some): readonly Some[] => Array.from({ length: count }, () => kind);

async function agesOf(registry: Registry): Promise<Readonly<Record<string, number>>> {
  const [metric] = await registry.getMetricsAsJSON();
  return Object.fromEntries((metric?.values ?? []).map(({ labels, value }) => [labels["state"], value]));
}

test.each([
  { name: "an empty queue", rows: [], want: { Leased: 0, Due: 0, Waiting: 0 }, lists: 1 },
  {
    name: "one of each",
    rows: [waiting, waiting, leased, due, due],
    want: { Waiting: 4, Leased: 2, Due: 1 },
    lists: 1,
  },
  {
    name: "more than a page",
    rows: [...many(450, waiting), due],
    want: { Waiting: 450, Due: 0, Leased: 0 },
    lists: 3,
  },
  {
    name: "all found early",
    rows: [leased, due, ...many(900, waiting)],
    want: { Leased: 901, Due: 900, Waiting: 899 },
    lists: 1,
  },
  { name: "more than is looked at", rows: [...many(6000, waiting), due], want: { Waiting: 6000 }, lists: 25 },
])("ages by state: $name", async ({ rows, want, lists }) => {
  const registry = new Registry();
  const queue = queueOf(rows);
  const clock = { ...createManualClock(noon), sleep: () => Promise.resolve() };
  const stop = startQueueMetrics({ queue, clock, log: silent, registry });
  await roundDone(queue, lists);
  expect(await agesOf(registry)).toEqual(want);
  expect(queue.list).toHaveBeenCalledTimes(lists);
  await stop();
});

async function roundDone(queue: ReturnType<typeof queueOf>, lists: number): Promise<void> {
  await vi.waitFor(() => expect(queue.list.mock.calls.length).toBeGreaterThanOrEqual(lists));
  await Promise.allSettled(queue.list.mock.results.map(({ value }) => value));
  await nextTurn();
}

test("looks once a minute; without an answer there is no value", async () => {
  const registry = new Registry();
  const clock = createManualClock(noon);
  const queue = queueOf([due]);
  const stop = startQueueMetrics({ queue, clock, log: silent, registry });
  await roundDone(queue, 1);
  await clock.advance(59_000);
  expect(await agesOf(registry)).toMatchObject({ Due: 0 });
  expect(queue.list).toHaveBeenCalledTimes(1);
  await clock.advance(1000);
  expect(await agesOf(registry)).toMatchObject({ Due: 60 });
  queue.list.mockRejectedValueOnce(new Error("no store"));
  await clock.advance(60_000);
  expect(await agesOf(registry)).toEqual({});
  await stop();
  await clock.advance(600_000);
  expect(queue.list).toHaveBeenCalledTimes(3);
});

test.each([
  { holdsSince: undefined, want: 0 },
  { holdsSince: noon - 90_000, want: 90 },
  { holdsSince: noon + 5000, want: 0 },
])("the age of the oldest lease: $want s", async ({ holdsSince, want }) => {
  const registry = new Registry();
  leaseMetrics(registry, { holdsSince }, { now: () => noon });
  expect(await registry.metrics()).toContain(`posthouse_lease_age_seconds ${want}\n`);
});
