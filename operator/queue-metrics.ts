import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Clock } from "../runtime/clock.ts";

/** Told of what happens to the keys of a work queue. */
export interface QueueObserver {
  /** A key came into the line. */
  readonly added: (key: string) => void;
  /** It is worked on. */
  readonly began: (key: string) => void;
  readonly ended: (key: string) => void;
  /** It failed and will be tried again. */
  readonly retried: (key: string) => void;
}

const buckets = [0.001, 0.01, 0.1, 1, 10, 60, 600];

/** Registers what controller-runtime tells of its queues, for the queue of this name. */
export function createQueueMetrics(registry: Registry, name: string, clock: Clock): QueueObserver {
  const waiting = new Map<string, number>();
  const working = new Map<string, number>();
  const common = { labelNames: ["name"] as const, registers: [registry] };
  const adds = new Counter({ ...common, name: "workqueue_adds_total", help: "Objects that came into the line." });
  const retries = new Counter({ ...common, name: "workqueue_retries_total", help: "Objects that are tried again." });
  const waited = new Histogram({
    ...common,
    buckets,
    name: "workqueue_queue_duration_seconds",
    help: "How long objects waited in the line.",
  });
  const worked = new Histogram({
    ...common,
    buckets,
    name: "workqueue_work_duration_seconds",
    help: "How long objects were worked on.",
  });
  const since = (at: number): number => Math.max(0, clock.now() - at) / 1000;
  registerUnfinished(registry, name, () => [...working.values()].map(since));
  for (const counter of [adds, retries]) counter.inc({ name }, 0);
  return {
    added(key) {
      if (waiting.has(key)) return;
      waiting.set(key, clock.now());
      adds.inc({ name });
    },
    began(key) {
      waited.observe({ name }, since(waiting.get(key) ?? clock.now()));
      waiting.delete(key);
      working.set(key, clock.now());
    },
    ended(key) {
      worked.observe({ name }, since(working.get(key) ?? clock.now()));
      working.delete(key);
    },
    retried: () => retries.inc({ name }),
  };
}

function registerUnfinished(registry: Registry, name: string, ages: () => readonly number[]): void {
  const unfinished: Gauge<"name"> = new Gauge({
    name: "workqueue_unfinished_work_seconds",
    help: "Seconds of work that is under way: what grows and grows is stuck.",
    labelNames: ["name"],
    registers: [registry],
    collect: () =>
      unfinished.set(
        { name },
        ages().reduce((sum, age) => sum + age, 0),
      ),
  });
  const longest: Gauge<"name"> = new Gauge({
    name: "workqueue_longest_running_processor_seconds",
    help: "Seconds of the work that is under way for longest.",
    labelNames: ["name"],
    registers: [registry],
    collect: () =>
      longest.set(
        { name },
        ages().reduce((most, age) => Math.max(most, age), 0),
      ),
  });
}
