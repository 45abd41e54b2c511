import { collectDefaultMetrics, Registry } from "prom-client";

/** A registry of Prometheus metrics, with those of the process itself. One for each process, passed to whoever counts. */
export function createMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
