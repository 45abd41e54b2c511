import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import type { Failure, RecipientResult, Result } from "../attempt/result.ts";
import { MailEvent } from "../event/event.ts";
import type { Delivery } from "../store/spool.ts";
import type { Schedule } from "./schedule.ts";
import {
  postpone,
  settle,
  settleCaptured,
  settleExpired,
  settleWaiting,
  type Attempted,
  type Outcome,
} from "./settle.ts";

const acceptedAt = Date.parse("2026-11-01T12:00:00Z");
const schedule: Schedule = { delays: [60_000, 300_000], jitter: 0, maxAge: 3_600_000 };

function delivery(some: Partial<Delivery> = {}): Delivery {
  return {
    key: "q1/0",
    domain: "example.net",
    recipients: [{ address: "a@example.net" }, { address: "b@example.net" }, { address: "c@example.net" }],
    envelope: {
      id: "q1",
      tenant: "team-shop/shop",
      environment: "production",
      credential: "abcdefghij12",
      sender: "bounce@example.com",
      fromDomain: "example.com",
      messageId: "1@example.com",
      size: 100,
      eightBit: false,
      smtpUtf8: false,
      acceptedAt,
    },
    attempts: 0,
    token: 7,
    leaseUntil: acceptedAt + 1_000_000,
    ...some,
  };
}

const ok: Result = { kind: "Success", class: "Delivered", enhanced: "2.0.0", text: "250 2.0.0 Ok" };
const later: Result = { kind: "Temporary", class: "Greylisted", enhanced: "4.7.1", text: "451 4.7.1 later" };
const no: Result = { kind: "Permanent", class: "UnknownRecipient", enhanced: "5.1.1", text: "550 5.1.1 no" };
const hop = { host: "mx.example.net", address: "192.0.2.1", port: 25 };

function attempted(results: readonly Result[], some: Partial<Attempted> = {}): Attempted {
  const entries: readonly RecipientResult[] = results.map((result, i) => ({
    recipient: `${"abc"[i]}@example.net`,
    result,
    hop,
  }));
  return { results: entries, startedAt: acceptedAt + 1000, now: acceptedAt + 1500, schedule, random: 0.5, ...some };
}

const validate = new Ajv({ allErrors: true }).compile(MailEvent);

function summary(outcome: Outcome): readonly string[] {
  expect(outcome.events.filter((event) => !validate(event))).toEqual([]);
  return outcome.events.map((event) => `${event.type} ${"recipient" in event ? event.recipient : ""}`);
}

/** How long after `now` a delivery comes back that is deferred once more. */
function delayOf(attempts: number, now: number): number | undefined {
  const { settlement } = settle(delivery({ attempts }), attempted([later, later, later], { now }));
  return settlement.kind === "Again" ? settlement.dueAt - now : undefined;
}

describe("settle", () => {
  test("settles each recipient on its own", () => {
    const outcome = settle(delivery(), attempted([ok, later, no]));
    expect(summary(outcome)).toEqual(["delivered a@example.net", "deferred b@example.net", "bounced c@example.net"]);
    expect(outcome.settlement).toEqual({
      kind: "Again",
      recipients: [{ address: "b@example.net" }],
      attempts: 1,
      dueAt: acceptedAt + 1500 + 60_000,
      lastReply: { at: acceptedAt + 1500, hop: "mx.example.net [192.0.2.1]:25", text: "451 4.7.1 later" },
    });
    expect(outcome.events[1]).toEqual({
      type: "deferred",
      id: "q1/0/7/1",
      time: "2026-11-01T12:00:01.500Z",
      tenant: "team-shop/shop",
      environment: "production",
      credential: "abcdefghij12",
      queueId: "q1",
      messageId: "1@example.com",
      sender: "bounce@example.com",
      recipient: "b@example.net",
      class: "Greylisted",
      enhanced: "4.7.1",
      reply: "451 4.7.1 later",
      hop,
      attempt: 1,
      timings: { queued: 1500, attempt: 500 },
      nextAttempt: "2026-11-01T12:01:01.500Z",
    });
  });

  test.each<[string, readonly Result[], Partial<Attempted>, readonly string[]]>([
    ["all delivered", [ok, ok, ok], {}, ["Done", "delivered", "delivered", "delivered"]],
    ["all refused", [no, no, no], {}, ["Done", "bounced", "bounced", "bounced"]],
    ["delivered or refused", [ok, no, ok], {}, ["Done", "delivered", "bounced", "delivered"]],
    ["all deferred", [later, later, later], {}, ["Again", "deferred", "deferred", "deferred"]],
    ["no result at all", [], {}, ["Again", "deferred", "deferred", "deferred"]],
    [
      "deferred for too long",
      [ok, later, no],
      { now: acceptedAt + schedule.maxAge },
      ["Done", "delivered", "expired", "bounced"],
    ],
  ])("%s", (_, results, some, want) => {
    const outcome = settle(delivery(), attempted(results, some));
    const types = summary(outcome).map((line) => line.split(" ")[0]);
    expect([outcome.settlement.kind, ...types]).toEqual(want);
  });

  test("follows the schedule, and comes back when the message expires", () => {
    expect(delayOf(0, acceptedAt)).toBe(60_000);
    expect(delayOf(1, acceptedAt)).toBe(300_000);
    expect(delayOf(9, acceptedAt)).toBe(300_000);
    expect(delayOf(9, acceptedAt + schedule.maxAge - 10)).toBe(10);
  });

  test("says no negative times when the clock ran back", () => {
    const [event] = settle(delivery(), attempted([ok, ok, ok], { now: acceptedAt - 5000 })).events;
    expect(event).toMatchObject({ timings: { queued: 0, attempt: 0 } });
  });
});

describe("the other ways to settle", () => {
  const noKey: Failure = { kind: "Temporary", class: "NoVisibleKey", enhanced: "4.7.5", text: "no key" };
  const waiting = { failure: noKey, now: acceptedAt + 10, random: 0.5, schedule };

  test("waiting counts no attempt, and is told once", () => {
    const first = settleWaiting(delivery({ attempts: 3 }), waiting);
    expect(first.settlement).toMatchObject({ kind: "Again", attempts: 3, dueAt: acceptedAt + 5010 });
    expect(summary(first)).toEqual(["deferred a@example.net", "deferred b@example.net", "deferred c@example.net"]);
    const lastReply = first.settlement.kind === "Again" ? first.settlement.lastReply : undefined;
    expect(settleWaiting(delivery({ ...(lastReply && { lastReply }) }), waiting).events).toEqual([]);
    const afterHop = delivery({ lastReply: { at: 0, hop: "mx [192.0.2.1]:25", text: "no key" } });
    expect(settleWaiting(afterHop, waiting).events).toHaveLength(3);
  });

  test("postponed counts no attempt, tells nothing, and waits longer the older it is", () => {
    const lastReply = { at: 0, hop: "mx [192.0.2.1]:25", text: "451 later" };
    const failure: Failure = { kind: "Temporary", class: "HopBusy", enhanced: "4.4.5", text: "in use" };
    const after = (now: number, random: number, some: Partial<Delivery> = { attempts: 3, lastReply }): Outcome =>
      postpone(delivery(some), { failure, now: acceptedAt + now, schedule, random });
    expect(after(10, 0.5)).toEqual({
      settlement: {
        kind: "Again",
        recipients: delivery().recipients,
        attempts: 3,
        dueAt: acceptedAt + 5010,
        lastReply,
      },
      events: [],
    });
    expect(after(10, 0.5, {}).settlement).toMatchObject({ lastReply: { hop: "", text: "in use" } });
    expect(after(100_000, 0).settlement).toMatchObject({ dueAt: acceptedAt + 112_500 });
    expect(after(1_000_000, 0.5).settlement).toMatchObject({ dueAt: acceptedAt + 1_060_000 });
    expect(after(3_599_000, 0.5).settlement).toMatchObject({ dueAt: acceptedAt + schedule.maxAge });
  });

  test("expired says what held it up", () => {
    const never = settleExpired(delivery(), acceptedAt + schedule.maxAge);
    expect(never.settlement).toEqual({ kind: "Done" });
    expect(summary(never)).toHaveLength(3);
    expect(never.events[0]).toMatchObject({ type: "expired", enhanced: "5.4.7", attempt: 0 });
    const tried = settleExpired(delivery({ lastReply: { at: 0, hop: "", text: "451 busy" } }), acceptedAt);
    expect(tried.events[0]).toMatchObject({ reply: "451 busy" });
  });

  test("captured is one event", () => {
    const captured = settleCaptured(delivery(), acceptedAt + 20);
    expect(captured.settlement).toEqual({ kind: "Done" });
    expect(summary(captured)).toEqual(["captured "]);
    expect(captured.events[0]).toMatchObject({ recipients: ["a@example.net", "b@example.net", "c@example.net"] });
  });
});
