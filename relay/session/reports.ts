import type { AcceptedEvent, CreditsEvent, EventTls, RefusedEvent } from "../event/event.ts";
import { eventTime } from "../event/event.ts";
import { messageHead } from "../event/message-head.ts";
import { redact } from "../event/redact.ts";
import type { Refusal } from "../decision/verdict.ts";
import type { Login } from "../directory.ts";
import type { NewMessage } from "../store/spool.ts";
import { replyText } from "./replies.ts";
import type { Stage } from "./state.ts";

/** The event of a message that was spooled. */
export function acceptedEvent(
  { envelope, deliveries }: NewMessage,
  at: { readonly now: number; readonly startedAt: number; readonly client: string; readonly tls: EventTls | undefined },
): AcceptedEvent {
  return {
    type: "accepted",
    id: `${envelope.id}/accepted`,
    ...messageHead(envelope, at.now),
    recipients: deliveries.flatMap(({ recipients }) => recipients.map(({ address }) => address)),
    size: envelope.size,
    client: at.client,
    ...(at.tls === undefined ? {} : { tls: at.tls }),
    timings: { total: Math.max(0, at.now - at.startedAt) },
  };
}

/** The event of a message with which the credits of its tenant are low, or gone. */
export function creditsEvent({ envelope }: NewMessage, level: CreditsEvent["class"], now: number): CreditsEvent {
  const { id, tenant } = envelope;
  return { type: "credits", id: `${id}/credits`, time: eventTime(now), tenant, class: level, queueId: id };
}

/** What is known of somebody who is refused. */
export interface RefusalContext {
  readonly id: string;
  readonly now: number;
  readonly client: string;
  readonly stage: Stage;
  readonly login: Login | undefined;
  readonly sender: string | undefined;
  readonly recipients: readonly string[];
  readonly messageId: string | undefined;
}

/** The event of a refusal. */
export function refusedEvent({ reply, reason }: Refusal, context: RefusalContext): RefusedEvent {
  const { login, sender, recipients, messageId } = context;
  return {
    type: "refused",
    id: context.id,
    time: eventTime(context.now),
    ...(login === undefined
      ? {}
      : { tenant: login.tenantKey, environment: login.environment.name, credential: login.credential.id }),
    ...(messageId === undefined ? {} : { messageId: redact(messageId) }),
    ...(sender === undefined ? {} : { sender }),
    ...(recipients.length === 0 ? {} : { recipients: [...recipients] }),
    client: context.client,
    stage: context.stage,
    class: reason,
    enhanced: reply.enhanced,
    reply: redact(replyText(reply)),
  };
}
