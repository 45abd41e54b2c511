import { Ajv } from "ajv";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { eventLog, eventOfLine, tee } from "./event-log.ts";
import { eventTime, MailEvent } from "./event.ts";
import { eventMetrics } from "./metrics.ts";

const head = {
  time: eventTime(0),
  tenant: "team-shop/shop",
  environment: "production",
  credential: "abcdefghij12",
  queueId: "q1",
  messageId: "1@example.com",
  sender: "",
};
const timings = { queued: 1500, attempt: 500 };
const outcome = { ...head, recipient: "a@example.net", class: "Delivered", enhanced: "2.0.0", attempt: 1, timings };
const events: readonly MailEvent[] = [
  {
    type: "accepted",
    id: "q1",
    ...head,
    recipients: ["a@example.net", "b@example.net"],
    size: 9,
    client: "192.0.2.1",
    timings: { total: 3 },
  },
  {
    type: "refused",
    id: "r1",
    time: eventTime(0),
    client: "192.0.2.1",
    stage: "Auth",
    class: "UnknownKey",
    enhanced: "5.7.8",
    reply: "535 5.7.8 Authentication failed",
  },
  { type: "delivered", id: "q1/0/1/0", ...outcome, hop: { host: "mx.example.net", address: "192.0.2.2", port: 25 } },
  { type: "deferred", id: "q1/0/1/1", ...outcome, class: "Greylisted", reply: "451 later", nextAttempt: eventTime(1) },
  { type: "bounced", id: "q1/0/1/2", ...outcome, class: "UnknownRecipient" },
  { type: "expired", id: "q1/0/1/3", ...outcome, timings: { queued: 1 }, class: "Expired" },
  { type: "credits", id: "q2/credits", time: eventTime(0), tenant: "a/b", class: "CreditsLow", queueId: "q2" },
  { type: "captured", id: "q2/0/1", ...head, recipients: [], size: 9, timings: { queued: 1 } },
];

describe("events", () => {
  test("fit their schema", () => {
    const validate = new Ajv({ allErrors: true }).compile(MailEvent);
    expect(events.filter((event) => !validate(event))).toEqual([]);
    expect(validate({ ...events[0], body: "secret" })).toBe(false);
  });

  test("are one line of JSON each, and nothing beside", () => {
    const lines: string[] = [];
    const sink = eventLog({ write: (line) => void lines.push(line) });
    for (const event of events) sink(event);
    expect(lines.every((line) => line.endsWith("}\n") && line.indexOf("\n") === line.length - 1)).toBe(true);
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual(events);
    expect(lines.map(eventOfLine)).toEqual(events);
    expect(eventOfLine('{"level":"info","msg":"listening"}\n')).toBeUndefined();
  });

  test("are counted by type and class, never by address", async () => {
    const registry = new Registry();
    const seen: string[] = [];
    const sink = tee(eventMetrics(registry), (event) => void seen.push(event.type));
    for (const event of events) sink(event);
    expect(seen).toHaveLength(events.length);
    const text = await registry.metrics();
    expect(text).toContain('posthouse_relay_events_total{type="deferred",class="Greylisted"} 1');
    expect(text).toContain("posthouse_relay_accepted_recipients_total 2");
    expect(text).toContain('posthouse_relay_queued_seconds_count{type="delivered"} 1');
    expect(text).not.toMatch(/example|team-shop|192\.0\.2/);
  });
});
