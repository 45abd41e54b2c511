import type { Clock } from "../../runtime/clock.ts";
import { attempt, isHopBusy } from "../attempt/attempt.ts";
import type { Pool } from "../attempt/pool.ts";
import type { Failure, RecipientResult } from "../attempt/result.ts";
import { deliveryOf, type Directory } from "../directory.ts";
import { redact } from "../event/redact.ts";
import { isExpired, type Schedule } from "../outcome/schedule.ts";
import { postpone, settle, settleCaptured, settleExpired, settleWaiting, type Outcome } from "../outcome/settle.ts";
import { findRoute, type RouteParts } from "../route/route.ts";
import { KeyUnavailable } from "../sign/key-ring.ts";
import { NoSigningKey, type Signer } from "../sign/signer.ts";
import type { Captures } from "../store/captures.ts";
import type { Delivery, Spool } from "../store/spool.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import type { Room } from "../../runtime/room.ts";
import { signingIdentity } from "./signing-keys.ts";

/** What one delivery needs. */
export interface DeliverParts {
  readonly spool: Pick<Spool, "content">;
  readonly captures: Pick<Captures, "keep">;
  /** Octets of captures that an environment may keep. */
  readonly captureOctets: number;
  /** The contracts as they are now. */
  readonly directory: () => Directory;
  readonly signer: Signer;
  readonly route: RouteParts;
  readonly pool: Pool;
  /** Where contents are while they are worked on. */
  readonly room: Room;
  readonly clock: Clock;
  readonly schedule: Schedule;
}

/** How long a delivery may be worked on. */
export interface Bounds {
  /** Aborted when it must be given up. */
  readonly signal: AbortSignal;
  /** Asked before the final dot. */
  readonly mayEnd: () => Promise<boolean>;
}

const temporary = (failureClass: Failure["class"], enhanced: string, text: string): Failure => ({
  kind: "Temporary",
  class: failureClass,
  enhanced,
  text,
});

/**
 * Does with one claimed delivery what is to be done now, once there is room for its content, and says what becomes of it. It
 * rejects only for what is our own mistake or our store's; {@link settleBroken} makes a temporary outcome of that.
 */
export async function deliver(delivery: Delivery, parts: DeliverParts, bounds: Bounds): Promise<Outcome> {
  const { size } = delivery.envelope;
  if (!(await parts.room.enter(size, bounds.signal)))
    return waitOn(delivery, temporary("TimedOut", "4.3.1", "there was no room for its content in time"), parts);
  try {
    return await deliverNow(delivery, parts, bounds);
  } finally {
    parts.room.leave(size);
  }
}

function waitOn(delivery: Delivery, failure: Failure, { clock, route, schedule }: DeliverParts): Outcome {
  return settleWaiting(delivery, { failure, now: clock.now(), random: route.random(), schedule });
}

async function deliverNow(delivery: Delivery, parts: DeliverParts, bounds: Bounds): Promise<Outcome> {
  const { envelope } = delivery;
  const now = parts.clock.now();
  const wait = (failure: Failure): Outcome => waitOn(delivery, failure, parts);

  if (isExpired(envelope.acceptedAt, now, parts.schedule)) return settleExpired(delivery, now);
  const directory = parts.directory();
  const tenant = directory.tenant(envelope.tenant);
  if (tenant === undefined) return wait(temporary("TenantUnknown", "4.3.5", "there is no contract of its tenant"));
  const isCapture = delivery.domain === "";
  const { domain, keys } = signingIdentity(directory, tenant, envelope, isCapture);
  if (keys.length === 0) return wait(noVisibleKey(domain));
  const content = await parts.spool.content(envelope.id);
  if (content === undefined) return wait(temporary("InternalError", "4.3.0", "its content cannot be read"));
  const signature = await signedFields(parts.signer, content, { domain, keys, now });
  if (signature === undefined) return wait(noVisibleKey(domain));
  const message = [signature, content];
  return isCapture ? capture(delivery, message, parts) : send(delivery, { message, tenant }, parts, bounds);
}

function noVisibleKey(domain: string): Failure {
  return temporary("NoVisibleKey", "4.7.5", `no DKIM key of ${domain} may sign now`);
}

/** The signature fields, or undefined while no key can be used. */
async function signedFields(
  signer: Signer,
  content: Uint8Array,
  request: Parameters<Signer["sign"]>[1],
): Promise<Uint8Array | undefined> {
  try {
    return await signer.sign(content, request);
  } catch (error) {
    if (error instanceof NoSigningKey || error instanceof KeyUnavailable) return undefined;
    throw error;
  }
}

async function capture(delivery: Delivery, message: readonly Uint8Array[], parts: DeliverParts): Promise<Outcome> {
  const { envelope, recipients } = delivery;
  const capturedAt = parts.clock.now();
  await parts.captures.keep({ envelope, recipients, capturedAt }, Buffer.concat(message), parts.captureOctets);
  return settleCaptured(delivery, parts.clock.now());
}

interface Sendable {
  readonly message: readonly Uint8Array[];
  readonly tenant: TenantContract;
}

async function send(
  delivery: Delivery,
  { message, tenant }: Sendable,
  parts: DeliverParts,
  { signal, mayEnd }: Bounds,
): Promise<Outcome> {
  const startedAt = parts.clock.now();
  const recipients = delivery.recipients.map(({ address }) => address);
  const route = await findRoute(delivery.domain, deliveryOf(parts.directory(), tenant), parts.route, signal);
  if (route.kind === "Nowhere" && route.failure.class === "CredentialsMissing")
    return settleWaiting(delivery, { failure: route.failure, ...attemptedNow(parts) });
  const { sender, eightBit, smtpUtf8 } = delivery.envelope;
  const results: readonly RecipientResult[] =
    route.kind === "Nowhere"
      ? recipients.map((recipient) => ({ recipient, result: route.failure }))
      : await attempt(
          { sender, recipients, content: message, eightBit, smtpUtf8, mayEnd },
          route.hops,
          parts.pool,
          signal,
        );
  const attempted = attemptedNow(parts);
  const busy = results.map(({ result }) => result).filter((result) => isHopBusy(result));
  const [failure] = busy;
  if (failure !== undefined && busy.length === results.length) return postpone(delivery, { failure, ...attempted });
  return settle(delivery, { results, startedAt, ...attempted });
}

function attemptedNow({ clock, schedule, route }: DeliverParts) {
  return { now: clock.now(), schedule, random: route.random() };
}

/** What becomes of a delivery that broke: it is deferred, whatever it was. */
export function settleBroken(delivery: Delivery, error: unknown, parts: DeliverParts): Outcome {
  const text = redact(error instanceof Error ? `internal error: ${error.name}` : "internal error");
  const result = temporary("InternalError", "4.3.0", text);
  const now = parts.clock.now();
  const results = delivery.recipients.map(({ address }) => ({ recipient: address, result }));
  const { schedule, route } = parts;
  return settle(delivery, { results, startedAt: now, now, schedule, random: route.random() });
}
