import type { RecipientResult, Failure } from "../attempt/result.ts";
import { eventTime, type MailEvent } from "../event/event.ts";
import { messageHead } from "../event/message-head.ts";
import type { Delivery, LastReply, Settlement, SpooledRecipient } from "../store/spool.ts";
import { delayAfter, isExpired, nextDue, type Schedule } from "./schedule.ts";

/** What is written to the spool, and what is told once it is written. */
export interface Outcome {
  readonly settlement: Settlement;
  readonly events: readonly MailEvent[];
}

/** An attempt that was made. */
export interface Attempted {
  /** In any order; a recipient without a result is taken for deferred. */
  readonly results: readonly RecipientResult[];
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly now: number;
  readonly schedule: Schedule;
  /** From 0 up to 1. */
  readonly random: number;
}

const noResult: Failure = {
  kind: "Temporary",
  class: "InternalError",
  enhanced: "4.3.0",
  text: "the attempt gave no result",
};

interface OutcomeParts {
  readonly entry: RecipientResult;
  readonly index: number;
  readonly attempt: number;
  readonly startedAt?: number;
  readonly now: number;
}

/** The fields of a recipient's outcome; the fencing token makes its id unique and the same again for the same claim. */
function outcomeOf(delivery: Delivery, { entry, index, attempt, startedAt, now }: OutcomeParts) {
  const { recipient, result, hop, tls } = entry;
  return {
    id: `${delivery.key}/${delivery.token}/${index}`,
    ...messageHead(delivery.envelope, now),
    recipient,
    class: result.class,
    enhanced: result.enhanced,
    reply: result.text,
    ...(hop === undefined ? {} : { hop }),
    ...(tls === undefined ? {} : { tls }),
    attempt,
    timings: {
      queued: Math.max(now - delivery.envelope.acceptedAt, 0),
      ...(startedAt === undefined ? {} : { attempt: Math.max(now - startedAt, 0) }),
    },
  };
}

/** What people see of the last attempt: of the first recipient that is still to be served. */
function lastReplyOf({ hop, result }: RecipientResult, at: number): LastReply {
  return { at, hop: hop === undefined ? "" : `${hop.host} [${hop.address}]:${hop.port}`, text: result.text };
}

/**
 * Settles each recipient of a delivery on its own: delivered, bounced, deferred to the next attempt, or expired when the
 * message got too old. Pure: the same claim and results give the same settlement and the same event ids.
 */
export function settle(delivery: Delivery, attempted: Attempted): Outcome {
  const { results, startedAt, now, schedule, random } = attempted;
  const { acceptedAt } = delivery.envelope;
  const attempts = delivery.attempts + 1;
  const expired = isExpired(acceptedAt, now, schedule);
  const dueAt = nextDue(acceptedAt, now, delayAfter(attempts, schedule, random), schedule);
  const events: MailEvent[] = [];
  const left: RecipientResult[] = [];
  for (const [index, { address }] of delivery.recipients.entries()) {
    const entry = results.find(({ recipient }) => recipient === address) ?? { recipient: address, result: noResult };
    const outcome = outcomeOf(delivery, { entry, index, attempt: attempts, startedAt, now });
    if (entry.result.kind === "Success") events.push({ type: "delivered", ...outcome });
    else if (entry.result.kind === "Permanent") events.push({ type: "bounced", ...outcome });
    else if (expired) events.push({ type: "expired", ...outcome });
    else {
      events.push({ type: "deferred", ...outcome, nextAttempt: eventTime(dueAt) });
      left.push(entry);
    }
  }
  return { settlement: againOrDone(delivery, left, { attempts, dueAt, now }), events };
}

function againOrDone(
  delivery: Delivery,
  left: readonly RecipientResult[],
  { attempts, dueAt, now }: { readonly attempts: number; readonly dueAt: number; readonly now: number },
): Settlement {
  const [first] = left;
  if (first === undefined) return { kind: "Done" };
  const waiting = new Set(left.map(({ recipient }) => recipient));
  const recipients: SpooledRecipient[] = delivery.recipients.filter(({ address }) => waiting.has(address));
  return { kind: "Again", recipients, attempts, dueAt, lastReply: lastReplyOf(first, now) };
}

/** Settles a delivery that got too old before it was tried (again): every recipient expires with what held it up last. */
export function settleExpired(delivery: Delivery, now: number): Outcome {
  const text = delivery.lastReply?.text ?? "the message was never tried";
  const result: Failure = { kind: "Permanent", class: "Expired", enhanced: "5.4.7", text };
  const events = delivery.recipients.map(({ address }, index): MailEvent => ({
    type: "expired",
    ...outcomeOf(delivery, { entry: { recipient: address, result }, index, attempt: delivery.attempts, now }),
  }));
  return { settlement: { kind: "Done" }, events };
}

/** Why a delivery waits that was not tried. */
export interface Waiting {
  readonly failure: Failure;
  readonly now: number;
  /** From 0 up to 1. */
  readonly random: number;
  readonly schedule: Schedule;
}

/** Parts of its age that a delivery waits which was not tried, and the bounds of that, in milliseconds. */
const untried = { share: 0.25, least: 5000, most: 60_000 };

/** When it is looked at again: the older it is, the later, so that many of them cost little. */
function lookAgainAt({ envelope }: Delivery, { now, random, schedule }: Waiting): number {
  const { share, least, most } = untried;
  const delay = Math.min(Math.max((now - envelope.acceptedAt) * share, least), most) * (0.5 + random);
  return nextDue(envelope.acceptedAt, now, Math.round(delay), schedule);
}

/** Puts a delivery back without counting an attempt. People are told once, not at each look: only when the reason is a new one. */
export function settleWaiting(delivery: Delivery, waiting: Waiting): Outcome {
  const { failure, now } = waiting;
  const dueAt = lookAgainAt(delivery, waiting);
  const { attempts, recipients, lastReply } = delivery;
  const isKnown = lastReply?.hop === "" && lastReply.text === failure.text;
  const events = recipients.map(({ address }, index): MailEvent => ({
    type: "deferred",
    ...outcomeOf(delivery, { entry: { recipient: address, result: failure }, index, attempt: attempts, now }),
    nextAttempt: eventTime(dueAt),
  }));
  return {
    settlement: { kind: "Again", recipients, attempts, dueAt, lastReply: { at: now, hop: "", text: failure.text } },
    events: isKnown ? [] : events,
  };
}

/** Puts a delivery back that never had its turn: no attempt, nothing to tell, and what a hop said before stands. */
export function postpone(delivery: Delivery, waiting: Waiting): Outcome {
  const { attempts, recipients } = delivery;
  const lastReply = delivery.lastReply ?? { at: waiting.now, hop: "", text: waiting.failure.text };
  const dueAt = lookAgainAt(delivery, waiting);
  return { settlement: { kind: "Again", recipients, attempts, dueAt, lastReply }, events: [] };
}

/** Settles a delivery of a Capture environment whose message is kept. */
export function settleCaptured(delivery: Delivery, now: number): Outcome {
  const { envelope } = delivery;
  const event: MailEvent = {
    type: "captured",
    id: `${delivery.key}/${delivery.token}`,
    ...messageHead(delivery.envelope, now),
    recipients: delivery.recipients.map(({ address }) => address),
    size: envelope.size,
    timings: { queued: Math.max(now - envelope.acceptedAt, 0) },
  };
  return { settlement: { kind: "Done" }, events: [event] };
}
