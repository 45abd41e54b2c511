import { Gauge, type Registry } from "prom-client";

/** Shows how long ago the contracts were heard of, asked at each scrape; of several processes the longest. `age` in milliseconds. */
export function contractsAgeMetric(registry: Registry, age: () => number): void {
  const gauge: Gauge = new Gauge({
    name: "posthouse_contracts_age_seconds",
    help: "Time since the API server was last heard of contracts and keys; after seven days no new mail is taken.",
    registers: [registry],
    aggregator: "max",
    collect: () => gauge.set(age() / 1000),
  });
}
