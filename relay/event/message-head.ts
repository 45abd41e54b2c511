import type { Envelope } from "../store/spool.ts";
import { eventTime } from "./event.ts";
import { redact } from "./redact.ts";

/** What every event of an accepted message tells of it; `now` in milliseconds since the epoch. */
export function messageHead(envelope: Envelope, now: number) {
  return {
    time: eventTime(now),
    tenant: envelope.tenant,
    environment: envelope.environment,
    credential: envelope.credential,
    queueId: envelope.id,
    messageId: redact(envelope.messageId),
    sender: envelope.sender,
  };
}
