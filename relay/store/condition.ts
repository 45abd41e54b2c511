import { type Aggregator, Gauge, type Registry } from "prom-client";
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

/** Shows the condition of a store as metrics, asked at each scrape. `among`: what holds where several processes tell it. */
export function conditionMetrics(registry: Registry, condition: () => Promise<StoreCondition>): void {
  const gauge = (
    { name, help, among }: { readonly name: string; readonly help: string; readonly among: Aggregator },
    show: (gauge: Gauge, now: StoreCondition) => void,
    labelNames: readonly string[] = [],
  ): void => {
    const made: Gauge = new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      aggregator: among,
      collect: async () => show(made, await condition()),
    });
  };
  gauge({ name: "posthouse_store_up", help: "1 while the store takes messages.", among: "min" }, (up, { refuses }) =>
    up.set(refuses === undefined ? 1 : 0),
  );
  gauge(
    { name: "posthouse_store_durability", help: "1 for the mode in force: Verified, Declared or None.", among: "max" },
    (mode, { durability }) => modes.forEach((each) => mode.set({ mode: each }, each === durability ? 1 : 0)),
    ["mode"],
  );
  gauge(
    {
      name: "posthouse_store_memory_bytes",
      help: "Memory of the Redis that keeps the store: used, and the limit (0: none).",
      among: "max",
    },
    (bytes, { memory = {} }) => Object.entries(memory).forEach(([what, value]) => bytes.set({ what }, value)),
    ["what"],
  );
  gauge(
    { name: "posthouse_store_seen_timestamp_seconds", help: "When Redis last told how it is.", among: "min" },
    (seen, { seenAt }) => {
      // Without a reading it would be 0, and every alert about its age would fire.
      if (seenAt === undefined) seen.remove();
      else seen.set(seenAt / 1000);
    },
  );
}
