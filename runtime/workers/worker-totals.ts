import { AggregatorRegistry, type Registry } from "prom-client";

/** A metric as `Registry.getMetricsAsJSON` gives it, and as it survives JSON. */
interface Metric {
  readonly name: string;
  /** A word, whatever the library's types say. */
  readonly type: unknown;
  readonly aggregator?: string;
}

/** The metrics of one registry at one moment. */
type Snapshot = readonly Metric[];

/** The metrics of several processes as one: no counter ever falls, whichever of them end. */
export interface WorkerTotals {
  /** Takes in what a process says of itself now; nothing from one that has ended or says nothing. */
  saw(process: number, snapshot: unknown): void;
  /** A process is gone: what was last shown of its counters stays counted. */
  ended(process: number): void;
  /** Everything together. Gauges come from `own` and from the processes that answered since the last merge. */
  merge(own: Registry): Promise<Registry>;
}

interface Known {
  readonly snapshot: Snapshot;
  readonly isNew: boolean;
}

/** Totals of no process yet. Gauges are put together as their `aggregator` says, by sum without one. */
export function workerTotals(): WorkerTotals {
  const running = new Map<number, Known>();
  const gone = new Set<number>();
  let carried: Snapshot = [];
  return {
    saw(process, snapshot) {
      if (!gone.has(process) && isSnapshot(snapshot)) running.set(process, { snapshot, isNew: true });
    },
    ended(process) {
      gone.add(process);
      const last = running.get(process);
      running.delete(process);
      if (last !== undefined) carried = combine([carried, last.snapshot.filter(isRising)]).getMetricsAsArray();
    },
    async merge(own) {
      const mine: Snapshot = await own.getMetricsAsJSON();
      // From here on nothing waits: no process ends between being counted and being carried.
      const others = [...running.values()].map(({ snapshot, isNew }) => (isNew ? snapshot : snapshot.filter(isRising)));
      for (const [process, { snapshot }] of running) running.set(process, { snapshot, isNew: false });
      return combine([mine.map(kept), ...others.map((snapshot) => snapshot.filter(isShared)), carried]);
    },
  };
}

/** A registry of what they are together. */
function combine(snapshots: readonly Snapshot[]): Registry {
  return AggregatorRegistry.aggregate(snapshots.map((snapshot) => [...snapshot]));
}

/** Histograms are counters of several values. */
function isRising({ type }: Metric): boolean {
  return type === "counter" || type === "histogram";
}

/** What makes sense of one process only, such as its start, is shown of the first. */
function isShared({ aggregator }: Metric): boolean {
  return aggregator !== "omit";
}

function kept(metric: Metric): Metric {
  return isShared(metric) ? metric : { ...metric, aggregator: "first" };
}

function isSnapshot(value: unknown): value is Snapshot {
  return (
    Array.isArray(value) && value.every((each: unknown) => typeof each === "object" && each !== null && "name" in each)
  );
}
