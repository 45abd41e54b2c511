import type { BenchReport } from "./report.ts";

/** A number that the project has set itself, and what was measured. */
export interface Aim {
  readonly name: string;
  readonly value: number;
  readonly aim: number;
  /** `Least`: as much or more reaches it. */
  readonly kind: "Least" | "Most";
  readonly unit: string;
}

/** The aims on two cores that load, relay, Redis and sink share. */
export function aimsOf({ raw, embedded, redis, flood, whole }: BenchReport): readonly Aim[] {
  const moved = (flood.flooded.p99 / flood.quiet.p99 - 1) * 100;
  return [
    { name: "embedded store: accepted", value: embedded.reused, aim: 3000, kind: "Least", unit: "/s" },
    { name: "embedded store: p99 at half of that", value: embedded.half.p99, aim: 50, kind: "Most", unit: " ms" },
    { name: "Redis: accepted", value: redis.reused, aim: 2000, kind: "Least", unit: "/s" },
    { name: "Redis: p99 at half of that", value: redis.half.p99, aim: 50, kind: "Most", unit: " ms" },
    { name: "Redis: round trips a message", value: redis.roundTrips, aim: 2, kind: "Most", unit: "" },
    { name: "Redis: its processor time a message", value: redis.redisTime, aim: 0.3, kind: "Most", unit: " ms" },
    { name: "a flood moves another's p99 by", value: moved, aim: 20, kind: "Most", unit: " %" },
    {
      name: "delivered to eight servers with two signatures, for each RSA signature the machine makes",
      value: whole.several.delivered / raw.rsaSignatures,
      aim: 0.2,
      kind: "Least",
      unit: "",
    },
  ];
}

/** Whether what was measured is as good as what is aimed at. */
export function isReached({ value, aim, kind }: Aim): boolean {
  return kind === "Least" ? value >= aim : value <= aim;
}
