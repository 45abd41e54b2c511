import { Counter, Histogram, type Registry } from "prom-client";
import type { EventSink, MailEvent } from "./event.ts";

/** Seconds; from a connection that was open to three days in the queue. */
const queuedBuckets = [0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 21_600, 86_400, 259_200];
const attemptBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300];

function classOf(event: MailEvent): string {
  return "class" in event ? event.class : "";
}

/**
 * A sink that counts. Labels are the type and class of events, words of fixed lists: never an address, a host or
 * a tenant, so that their number stays bounded whatever is sent.
 */
export function eventMetrics(registry: Registry): EventSink {
  const events = new Counter({
    name: "posthouse_relay_events_total",
    help: "Events by type and class; of refused, accepted and captured ones each message counts once, of others each recipient.",
    labelNames: ["type", "class"],
    registers: [registry],
  });
  const recipients = new Counter({
    name: "posthouse_relay_accepted_recipients_total",
    help: "Recipients of accepted messages.",
    registers: [registry],
  });
  const queued = new Histogram({
    name: "posthouse_relay_queued_seconds",
    help: "Time from acceptance until a recipient was settled, by type.",
    labelNames: ["type"],
    buckets: queuedBuckets,
    registers: [registry],
  });
  const attempts = new Histogram({
    name: "posthouse_relay_attempt_seconds",
    help: "Duration of attempts, by the class that they ended in; once for each recipient.",
    labelNames: ["class"],
    buckets: attemptBuckets,
    registers: [registry],
  });
  return (event) => {
    events.inc({ type: event.type, class: classOf(event) });
    if (event.type === "accepted") recipients.inc(event.recipients.length);
    if (event.type === "delivered" || event.type === "bounced" || event.type === "expired")
      queued.observe({ type: event.type }, event.timings.queued / 1000);
    if ("class" in event && "attempt" in event && event.timings.attempt !== undefined)
      attempts.observe({ class: event.class }, event.timings.attempt / 1000);
  };
}
