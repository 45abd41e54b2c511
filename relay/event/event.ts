import Type from "typebox";
import { oneOf } from "../../crds/dialect.ts";

/** A word for programs, in CamelCase, of a fixed catalogue; never foreign text. */
const word = Type.String({ pattern: "^[A-Za-z][A-Za-z0-9]{0,63}$" });
const name = Type.String({ maxLength: 512 });
const address = Type.String({
  maxLength: 512,
  description: "An envelope address, or empty for the null reverse-path.",
});
const line = Type.String({ maxLength: 512, description: "One line of foreign text, redacted." });
const milliseconds = Type.Number({ minimum: 0 });

/** How a connection was secured. */
export const EventTls = Type.Object(
  {
    protocol: Type.String({ maxLength: 32, description: "Such as TLSv1.3." }),
    cipher: Type.String({ maxLength: 128 }),
    verified: Type.Boolean({ description: "The certificate was checked and matched the name." }),
  },
  { additionalProperties: false, description: "Absent without TLS." },
);
export type EventTls = Type.Static<typeof EventTls>;

/** The server that an attempt spoke to. */
export const EventHop = Type.Object(
  {
    host: name,
    address: Type.Optional(Type.String({ maxLength: 64 })),
    port: Type.Integer({ minimum: 1, maximum: 65535 }),
  },
  { additionalProperties: false, description: "Absent when no server was tried." },
);
export type EventHop = Type.Static<typeof EventHop>;

const head = {
  id: Type.String({ minLength: 1, maxLength: 128, description: "Unique; the same event again has the same id." }),
  time: Type.String({ maxLength: 32, description: "RFC 3339, UTC." }),
};

/** What is known of every message that was accepted. */
const message = {
  tenant: Type.String({ maxLength: 507, description: "namespace/name of the RelayTenant." }),
  environment: name,
  credential: Type.String({ maxLength: 64, description: "Id of the API key; never the key." }),
  queueId: Type.String({ maxLength: 64, description: "As the client was told." }),
  messageId: line,
  sender: address,
};

const recipients = Type.Array(address, { maxItems: 1000 });

/** A message was accepted, billed and spooled. One event a message. */
export const AcceptedEvent = Type.Object(
  {
    type: Type.Literal("accepted"),
    ...head,
    ...message,
    recipients,
    size: Type.Integer({ minimum: 0, description: "Octets." }),
    client: Type.String({ maxLength: 64, description: "Address of the client." }),
    tls: Type.Optional(EventTls),
    timings: Type.Object(
      { total: milliseconds },
      { additionalProperties: false, description: "From MAIL to the reply." },
    ),
  },
  { additionalProperties: false },
);

/** A client was refused: at AUTH, MAIL, RCPT or the end of DATA. What is not known yet is absent. */
export const RefusedEvent = Type.Object(
  {
    type: Type.Literal("refused"),
    ...head,
    tenant: Type.Optional(message.tenant),
    environment: Type.Optional(message.environment),
    credential: Type.Optional(message.credential),
    messageId: Type.Optional(line),
    sender: Type.Optional(address),
    recipients: Type.Optional(recipients),
    client: Type.String({ maxLength: 64, description: "Address of the client." }),
    stage: oneOf(["Connect", "Auth", "Mail", "Rcpt", "Data"], { description: "The step that was refused." }),
    class: word,
    enhanced: Type.String({ maxLength: 16, description: "Enhanced status code of our reply (RFC 3463)." }),
    reply: Type.String({ maxLength: 512, description: "Our reply." }),
  },
  { additionalProperties: false },
);

/** What the four outcomes of a recipient have in common. One event a recipient. */
const outcome = {
  ...head,
  ...message,
  recipient: address,
  class: word,
  enhanced: Type.String({
    maxLength: 16,
    description: "Enhanced status code (RFC 3463), the hop's own where it gave one.",
  }),
  reply: Type.Optional(line),
  hop: Type.Optional(EventHop),
  tls: Type.Optional(EventTls),
  attempt: Type.Integer({ minimum: 0, description: "Number of the attempt; 0 before the first." }),
  timings: Type.Object(
    { queued: milliseconds, attempt: Type.Optional(milliseconds) },
    { additionalProperties: false, description: "Since acceptance; of the attempt." },
  ),
};

/** A hop took responsibility for the message to this recipient. */
export const DeliveredEvent = Type.Object(
  { type: Type.Literal("delivered"), ...outcome },
  { additionalProperties: false },
);

/** It did not work now and is tried again. */
export const DeferredEvent = Type.Object(
  { type: Type.Literal("deferred"), ...outcome, nextAttempt: Type.String({ maxLength: 32, description: "RFC 3339." }) },
  { additionalProperties: false },
);

/** It was refused for good. */
export const BouncedEvent = Type.Object({ type: Type.Literal("bounced"), ...outcome }, { additionalProperties: false });

/** It got too old: after an attempt `class`, `enhanced` and `reply` tell what held it up, between two `Expired` and 5.4.7 stand there. */
export const ExpiredEvent = Type.Object({ type: Type.Literal("expired"), ...outcome }, { additionalProperties: false });

/** A message of a Capture environment was kept, for all its recipients. */
export const CapturedEvent = Type.Object(
  {
    type: Type.Literal("captured"),
    ...head,
    ...message,
    recipients,
    size: Type.Integer({ minimum: 0, description: "Octets." }),
    timings: Type.Object({ queued: milliseconds }, { additionalProperties: false }),
  },
  { additionalProperties: false },
);

/** With an accepted message nine tenths of a tenant's credits were used (`CreditsLow`), or all (`CreditsExhausted`). */
export const CreditsEvent = Type.Object(
  {
    type: Type.Literal("credits"),
    ...head,
    tenant: message.tenant,
    class: oneOf(["CreditsLow", "CreditsExhausted"], { description: "What the credits are now." }),
    queueId: message.queueId,
  },
  { additionalProperties: false },
);

/**
 * What happened to mail, for people and programs: one JSON line each. Readers ignore types and fields that they do
 * not know. No event holds a password, a key or a part of a message other than its Message-ID.
 */
export const MailEvent = Type.Union([
  AcceptedEvent,
  RefusedEvent,
  DeferredEvent,
  DeliveredEvent,
  BouncedEvent,
  ExpiredEvent,
  CapturedEvent,
  CreditsEvent,
]);
export type AcceptedEvent = Type.Static<typeof AcceptedEvent>;
export type RefusedEvent = Type.Static<typeof RefusedEvent>;
export type DeferredEvent = Type.Static<typeof DeferredEvent>;
export type DeliveredEvent = Type.Static<typeof DeliveredEvent>;
export type BouncedEvent = Type.Static<typeof BouncedEvent>;
export type ExpiredEvent = Type.Static<typeof ExpiredEvent>;
export type CapturedEvent = Type.Static<typeof CapturedEvent>;
export type CreditsEvent = Type.Static<typeof CreditsEvent>;
export type MailEvent = Type.Static<typeof MailEvent>;

/** Where events go. It never throws and never waits: an event must not hold up mail. */
export type EventSink = (event: MailEvent) => void;

/** The time of an event, RFC 3339 in UTC, of milliseconds since the epoch. */
export function eventTime(now: number): string {
  return new Date(now).toISOString();
}
