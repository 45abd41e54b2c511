import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { conditionMetrics, type StoreCondition } from "./condition.ts";

test.each<{ name: string; seenAt: number | undefined; value: string | undefined }>([
  { name: "embedded store", seenAt: undefined, value: undefined },
  { name: "Redis", seenAt: 1_500, value: "1.5" },
])("when a store was last seen is told of a Redis only: $name", async ({ seenAt, value }) => {
  const registry = new Registry();
  const condition: StoreCondition = { refuses: undefined, durability: "Verified", ...(seenAt && { seenAt }) };
  conditionMetrics(registry, () => Promise.resolve(condition));
  expect(/^posthouse_store_seen_timestamp_seconds (.*)$/m.exec(await registry.metrics())?.[1]).toBe(value);
});
