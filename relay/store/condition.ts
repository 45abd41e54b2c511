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
  const registers = [registry];
  const durability = new Gauge({
    name: "posthouse_store_durability",
    help: "1 for the mode in force: Verified, Declared or None.",
    labelNames: ["mode"],
    registers,
  });
  const memory = new Gauge({
    name: "posthouse_store_memory_bytes",
    help: "Memory of the Redis that keeps the store: used, and the limit (0: none).",
    labelNames: ["what"],
    registers,
  });
  const seen = new Gauge({
    name: "posthouse_store_seen_timestamp_seconds",
    help: "When Redis last told how it is.",
    registers,
  });
  const up = new Gauge({
    name: "posthouse_store_up",
    help: "1 while the store takes messages.",
    registers,
    async collect() {
      const now = await condition();
      up.set(now.refuses === undefined ? 1 : 0);
      for (const mode of modes) durability.set({ mode }, now.durability === mode ? 1 : 0);
      if (now.seenAt !== undefined) seen.set(now.seenAt / 1000);
      if (now.memory === undefined) return;
      memory.set({ what: "used" }, now.memory.used);
      memory.set({ what: "limit" }, now.memory.limit);
    },
  });
}
