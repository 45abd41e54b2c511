import { decide } from "../decision/chain.ts";
import { isBilled } from "../decision/authentication.ts";
import { rateLimitsOf } from "../decision/rates.ts";
import { submissionChecks } from "../decision/submission.ts";
import { type Refusal, refuse } from "../decision/verdict.ts";
import type { Directory, Login } from "../directory.ts";
import type { CreditsEvent, EventTls } from "../event/event.ts";
import { prepare, type Prepared } from "../message/prepare.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { type AcceptResult, type NewMessage, type RateLimited, type Spool, StoreFull } from "../store/spool.ts";
import type { Mailbox } from "./address.ts";
import type { Limits } from "./config.ts";
import { groupRecipients } from "./group.ts";
import type { RateMemory } from "./rate-memory.ts";
import * as replies from "./replies.ts";

/** What the session knows of a message when its content has come. */
export interface Submission {
  readonly credentialId: string;
  /** Undefined for the null reverse-path. */
  readonly sender: Mailbox | undefined;
  /** Each once. */
  readonly recipients: readonly Mailbox[];
  readonly smtpUtf8: boolean;
  /** When MAIL came. */
  readonly startedAt: number;
  readonly client: string;
  readonly tls: EventTls | undefined;
}

export interface IntakeServices {
  readonly hostname: string;
  readonly directory: () => Directory;
  /** Milliseconds since the relay last heard from where the contracts live; absent where they lie on the same machine. */
  readonly contractsAge?: (() => number) | undefined;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nextQueueId: () => string;
  readonly limits: Limits;
  readonly rates: RateMemory;
}

/** What became of a message: spooled, `credits` telling what they are with it, or refused, by a rate or otherwise. `messageId` is known once its header was read. */
export type Taken =
  | { readonly kind: "RateLimited"; readonly limited: RateLimited; readonly messageId: string }
  | { readonly kind: "Spooled"; readonly message: NewMessage; readonly credits?: CreditsEvent["class"] }
  | { readonly kind: "Refused"; readonly refusal: Refusal; readonly messageId?: string };

/**
 * Takes a received message into the spool: the moment from which the relay answers for it. Resolves only when it is
 * durable or refused, and never rejects.
 */
export async function takeIn(services: IntakeServices, submission: Submission, content: Buffer): Promise<Taken> {
  const now = services.clock.now();
  const queueId = services.nextQueueId();
  const { smtpUtf8 } = submission;
  const prepared = prepare(content, { hostname: services.hostname, queueId, now, smtpUtf8 });
  if (prepared.kind !== "Prepared") return { kind: "Refused", refusal: prepared };
  const { messageId, fromDomain } = prepared;

  const directory = services.directory();
  const contractsAge = services.contractsAge?.();
  const login = directory.login(submission.credentialId);
  const { client: source, sender } = submission;
  const senderDomain = sender?.domain;
  const verdict = decide(submissionChecks, { directory, contractsAge, login, source, now, senderDomain, fromDomain });
  if (verdict.kind !== "Accept") return { kind: "Refused", refusal: verdict, messageId };
  if (login === undefined) return { kind: "Refused", refusal: revoked, messageId };

  const message = compose({ queueId, now, submission, login, prepared, limits: services.limits });
  const result = await spoolIt(services, message);
  if (typeof result === "string") return spooled(message, result);
  if (result.kind !== "RateLimited") return { kind: "Refused", refusal: result, messageId };
  services.rates.note(message.charge.rates ?? [], submission.recipients.length, result, now);
  return { kind: "RateLimited", limited: result, messageId };
}

function spooled(message: NewMessage, result: Spooled): Taken {
  const credits = crossings[result];
  return { kind: "Spooled", message, ...(credits && { credits }) };
}

type Spooled = Exclude<AcceptResult, "Exhausted" | RateLimited>;

const crossings: Readonly<Record<Spooled, CreditsEvent["class"] | undefined>> = {
  Accepted: undefined,
  AcceptedLow: "CreditsLow",
  AcceptedLast: "CreditsExhausted",
};

const revoked = refuse(replies.credentialsRevoked, "CredentialRevoked");

function compose(parts: {
  readonly queueId: string;
  readonly now: number;
  readonly submission: Submission;
  readonly login: Login;
  readonly prepared: Prepared;
  readonly limits: Limits;
}): NewMessage {
  const { submission, login, prepared, limits } = parts;
  const { sender, recipients } = submission;
  const { tenantKey, tenant, environment, credential } = login;
  const captured = environment.mode === "Capture";
  return {
    envelope: {
      id: parts.queueId,
      tenant: tenantKey,
      environment: environment.name,
      credential: credential.id,
      sender: sender?.address ?? "",
      fromDomain: prepared.fromDomain,
      messageId: prepared.messageId,
      size: prepared.content.length,
      eightBit: prepared.eightBit,
      smtpUtf8: prepared.smtpUtf8 || [sender, ...recipients].some((mailbox) => mailbox?.needsSmtpUtf8 === true),
      acceptedAt: parts.now,
    },
    content: prepared.content,
    deliveries: groupRecipients(recipients, captured),
    charge: {
      tenant: tenantKey,
      allowance: tenant.allowance,
      recipients: isBilled(login) ? recipients.length : 0,
      rates: rateLimitsOf(login, submission.client, limits.ratePerAddress),
      rated: recipients.length,
      spoolLimit: limits.spoolPerTenant,
    },
  };
}

async function spoolIt({ spool, log }: IntakeServices, message: NewMessage): Promise<Refusal | RateLimited | Spooled> {
  try {
    const result = await spool.accept(message);
    return result === "Exhausted" ? refuse(replies.creditsExhausted, "CreditsExhausted") : result;
  } catch (error) {
    const full = error instanceof StoreFull;
    log.error({ err: error, queueId: message.envelope.id }, full ? "the store is full" : "cannot spool a message");
    return full ? refuse(replies.storeFull, "StoreFull") : refuse(replies.storeFailed, "StoreFailed");
  }
}
