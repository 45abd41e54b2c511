import { Gauge, type Registry } from "prom-client";
import type { Durability } from "./config.ts";

/** How a store is, for readiness and metrics. */
export interface StoreCondition {
  /** Why no message is accepted now, for people; undefined when it is. */
  readonly refuses: string | undefined;
  /** Who vouches that what was confirmed is on disk: `Verified` for the embedded store, which sees to it itself. */
  readonly durability: Durability;
  /** When a Redis last told how it is, milliseconds since the epoch; undefined for the embedded store. */
  readonly seenAt?: number;
  /** Memory of a Redis in octets; a limit of 0 is none. */
  readonly memory?: { readonly used: number; readonly limit: number };
}

const modes: readonly Durability[] = ["Verified", "Declared", "None"];

/** Shows the condition of a store as metrics, asked at each scrape. */
export function conditionMetrics(registry: Registry, condition: () => Promise<StoreCondition>): void {
  const gauge = (
    name: string,
    help: string,
    show: (gauge: Gauge, now: StoreCondition) => void,
    labelNames: readonly string[] = [],
  ): void => {
    const made: Gauge = new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect: async () => show(made, await condition()),
    });
  };
  gauge("posthouse_store_up", "1 while the store takes messages.", (up, { refuses }) =>
    up.set(refuses === undefined ? 1 : 0),
  );
  gauge(
    "posthouse_store_durability",
    "1 for the mode in force: Verified, Declared or None.",
    (mode, { durability }) => modes.forEach((each) => mode.set({ mode: each }, each === durability ? 1 : 0)),
    ["mode"],
  );
  gauge(
    "posthouse_store_memory_bytes",
    "Memory of the Redis that keeps the store: used, and the limit (0: none).",
    (bytes, { memory = {} }) => Object.entries(memory).forEach(([what, value]) => bytes.set({ what }, value)),
    ["what"],
  );
  gauge("posthouse_store_seen_timestamp_seconds", "When Redis last told how it is.", (seen, { seenAt }) => {
    if (seenAt !== undefined) seen.set(seenAt / 1000);
  });
}
