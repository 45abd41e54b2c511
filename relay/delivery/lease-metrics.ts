import { Gauge, type Registry } from "prom-client";
import type { Clock } from "../../runtime/clock.ts";
import type { Deliverer } from "./deliverer.ts";

/** Shows `posthouse_lease_age_seconds`: for how long a deliverer has held the lease that it has held for longest, 0 without one. */
export function leaseMetrics(
  registry: Registry,
  deliverer: Pick<Deliverer, "holdsSince">,
  clock: Pick<Clock, "now">,
): void {
  const gauge: Gauge = new Gauge({
    name: "posthouse_lease_age_seconds",
    help: "How long the delivery that is under way for longest has been leased to this relay; 0 when none is.",
    registers: [registry],
    aggregator: "max",
    collect() {
      const now = clock.now();
      gauge.set(Math.max(0, now - (deliverer.holdsSince ?? now)) / 1000);
    },
  });
}
