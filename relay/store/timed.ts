import { Counter, Histogram, type Registry } from "prom-client";
import type { Store } from "./store.ts";

/** Seconds: from what a cache answers to what nobody waits for. */
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2];

/** A store whose every operation is measured: `posthouse_store_seconds`, by operation and outcome, on any engine. */
export function timedStore(store: Store, registry: Registry): Store {
  const seconds = new Histogram({
    name: "posthouse_store_seconds",
    help: "What operations of the store took, by operation and by whether they were done or failed.",
    labelNames: ["operation", "outcome"],
    buckets,
    registers: [registry],
  });
  const timed = <T extends object>(port: string, methods: T): T =>
    new Proxy(methods, {
      get(target, name, receiver): unknown {
        const method: unknown = Reflect.get(target, name, receiver);
        if (typeof method !== "function" || typeof name !== "string") return method;
        return async (...args: readonly unknown[]): Promise<unknown> => {
          const stop = seconds.startTimer({ operation: `${port}.${name}` });
          try {
            const result: unknown = await Reflect.apply(method, target, args);
            stop({ outcome: "Done" });
            return result;
          } catch (error) {
            stop({ outcome: "Failed" });
            throw error;
          }
        };
      },
    });
  return {
    spool: timed("spool", store.spool),
    queue: timed("queue", store.queue),
    ledger: timed("ledger", store.ledger),
    captures: timed("captures", store.captures),
    transfer: store.transfer,
    ready: () => store.ready(),
    close: () => store.close(),
  };
}

/** Counts what goes over the network to the store: with the messages accepted it tells the round trips a message. */
export function roundTrips(registry: Registry): () => void {
  const counter = new Counter({
    name: "posthouse_store_round_trips_total",
    help: "Batches of commands sent to Redis.",
    registers: [registry],
  });
  return () => counter.inc();
}
