import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { OrphanCounts } from "./orphan-watch.ts";

/** What the operator counts, under controller-runtime's names, so that dashboards made for it work. */
export interface OperatorMetrics {
  /** Takes in a reconciliation: its kind, how it ended and how many seconds it took. */
  readonly reconciled: (controller: string, result: "success" | "error" | "requeue_after", seconds: number) => void;
}

/** What is asked at each scrape. */
export interface OperatorLoad {
  /** How many custom resources wait. */
  readonly depth: () => number;
  /** How many of a kind are worked on, */
  readonly active: (controller: string) => number;
  /** and how many may be. */
  readonly most: (controller: string) => number;
}

/** Registers the operator's metrics. */
export function createOperatorMetrics(registry: Registry, load: OperatorLoad): OperatorMetrics {
  const registers = [registry];
  const total = new Counter({
    name: "controller_runtime_reconcile_total",
    help: "Reconciliations by kind and result.",
    labelNames: ["controller", "result"],
    registers,
  });
  const seconds = new Histogram({
    name: "controller_runtime_reconcile_time_seconds",
    help: "How long reconciliations took.",
    labelNames: ["controller"],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10],
    registers,
  });
  const errors = new Counter({
    name: "controller_runtime_reconcile_errors_total",
    help: "Reconciliations that failed and are tried again, by kind.",
    labelNames: ["controller"],
    registers,
  });
  registerWorkers(registry, load);
  for (const controller of controllers) errors.inc({ controller }, 0);
  const gauge: Gauge<"name"> = new Gauge({
    name: "workqueue_depth",
    help: "Objects that wait for the operator.",
    labelNames: ["name"],
    registers,
    collect: () => gauge.set({ name: "operator" }, load.depth()),
  });
  return {
    reconciled(controller, result, took) {
      if (result === "error") errors.inc({ controller });
      total.inc({ controller, result });
      seconds.observe({ controller }, took);
    },
  };
}

/** The kinds that are reconciled. */
const controllers = ["RelayTenant", "SendingDomain"];

function registerWorkers(registry: Registry, { active, most }: OperatorLoad): void {
  const common = { labelNames: ["controller"] as const, registers: [registry] };
  const limit = new Gauge({
    ...common,
    name: "controller_runtime_max_concurrent_reconciles",
    help: "The most reconciliations of a kind at once.",
  });
  const workers: Gauge<"controller"> = new Gauge({
    ...common,
    name: "controller_runtime_active_workers",
    help: "Reconciliations under way, by kind.",
    collect: () => controllers.forEach((controller) => workers.set({ controller }, active(controller))),
  });
  for (const controller of controllers) limit.set({ controller }, most(controller));
}

/** Registers how many custom resources are gone whose objects stand; `counts` is asked at each scrape. */
export function registerOrphanMetrics(registry: Registry, counts: () => OrphanCounts): void {
  const gauge: Gauge<"state"> = new Gauge({
    name: "posthouse_orphans",
    help: "Custom resources that are gone and have left objects, by whether these wait for their hour or are held back because too many went at once.",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      const { waiting, heldBack } = counts();
      gauge.set({ state: "waiting" }, waiting);
      gauge.set({ state: "held_back" }, heldBack);
    },
  });
}

/** Registers how many tenants have a replaced API key that works on after its overlap; `count` is asked at each scrape. */
export function registerOldKeyMetric(registry: Registry, count: () => number): void {
  const gauge: Gauge = new Gauge({
    name: "posthouse_old_key_tenants",
    help: "Tenants with a replaced API key that works on after its overlap, because it may be in use.",
    registers: [registry],
    collect: () => gauge.set(count()),
  });
}
