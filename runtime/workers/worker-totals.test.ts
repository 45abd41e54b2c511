import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { expect, test } from "vitest";
import { workerTotals } from "./worker-totals.ts";

/** The registry of a process, and its snapshot as it comes over a channel. */
function processWith(): {
  count: Counter;
  seconds: Histogram;
  up: Gauge;
  open: Gauge;
  registry: Registry;
  snapshot: () => Promise<unknown>;
} {
  const registry = new Registry();
  const registers = [registry];
  const help = "help";
  const count = new Counter({ name: "count_total", help, labelNames: ["type"], registers });
  const seconds = new Histogram({ name: "seconds", help, buckets: [1, 5], registers });
  const up = new Gauge({ name: "up", help, aggregator: "min", registers });
  const open = new Gauge({ name: "open", help, registers });
  new Gauge({ name: "begun", help, aggregator: "omit", registers }).set(Math.random());
  const snapshot = async (): Promise<unknown> => JSON.parse(JSON.stringify(await registry.getMetricsAsJSON()));
  return { count, seconds, up, open, registry, snapshot };
}

async function shown(registry: Registry): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(lines.map((line) => [line.split(" ")[0] ?? "", Number(line.split(" ")[1])]));
}

test("counters, histograms and gauges of all processes are one", async () => {
  const [own, a, b] = [processWith(), processWith(), processWith()];
  const totals = workerTotals();
  a.count.inc({ type: "x" }, 3);
  b.count.inc({ type: "x" }, 4);
  b.count.inc({ type: "y" }, 1);
  a.seconds.observe(0.5);
  b.seconds.observe(3);
  for (const each of [own, a, b]) each.open.set(2);
  own.up.set(1);
  a.up.set(1);
  b.up.set(0);
  totals.saw(1, await a.snapshot());
  totals.saw(2, await b.snapshot());
  const begun = (await shown(own.registry))["begun"];
  expect(await shown(await totals.merge(own.registry))).toEqual({
    'count_total{type="x"}': 7,
    'count_total{type="y"}': 1,
    'seconds_bucket{le="1"}': 1,
    'seconds_bucket{le="5"}': 2,
    'seconds_bucket{le="+Inf"}': 2,
    seconds_sum: 3.5,
    seconds_count: 2,
    up: 0,
    open: 6,
    begun,
  });
});

test("what a process counted stays counted when it ends, and never twice", async () => {
  const [own, a, b, c] = [processWith(), processWith(), processWith(), processWith()];
  const totals = workerTotals();
  const merged = async (): Promise<Record<string, number>> => shown(await totals.merge(own.registry));
  a.count.inc({ type: "x" }, 3);
  a.seconds.observe(2);
  a.open.set(5);
  b.count.inc({ type: "x" }, 1);
  const late = await a.snapshot();
  totals.saw(1, late);
  totals.saw(2, await b.snapshot());
  expect(await merged()).toMatchObject({ 'count_total{type="x"}': 4, open: 5 });
  totals.ended(1);
  totals.ended(2);
  totals.saw(1, late);
  expect(await merged()).toMatchObject({ 'count_total{type="x"}': 4, seconds_count: 1, open: 0 });
  c.count.inc({ type: "x" }, 10);
  totals.saw(3, await c.snapshot());
  expect(await merged()).toMatchObject({ 'count_total{type="x"}': 14, seconds_count: 1 });
  totals.ended(3);
  expect(await merged()).toMatchObject({ 'count_total{type="x"}': 14 });
});

test("of a process that does not answer the counters stay, and the gauges go", async () => {
  const [own, a] = [processWith(), processWith()];
  const totals = workerTotals();
  a.count.inc({ type: "x" }, 3);
  a.open.set(5);
  totals.saw(1, await a.snapshot());
  await totals.merge(own.registry);
  totals.saw(1, undefined);
  expect(await shown(await totals.merge(own.registry))).toMatchObject({ 'count_total{type="x"}': 3, open: 0 });
});
