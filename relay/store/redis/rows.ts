import type { QueueRow } from "../queue.ts";
import type { Delivery, Envelope, LastReply, SpooledRecipient } from "../spool.ts";
import type { Reply } from "./connection.ts";
import { readMember } from "./keys.ts";
import { numberOf, textOf } from "./reply.ts";

/**
 * What changes of a delivery with its attempts. The row is its domain, a line end and this as JSON: scripts pass it on
 * as it is, for Redis has better things to do than to read JSON.
 */
export interface RowState {
  readonly recipients: readonly SpooledRecipient[];
  readonly attempts: number;
  readonly lastReply?: LastReply;
}

export function formatState({ recipients, attempts, lastReply }: RowState): string {
  return JSON.stringify({ recipients, attempts, lastReply });
}

export function formatRow(domain: string, state: RowState): string {
  return `${domain}\n${formatState(state)}`;
}

/** A row of a delivery: its domain, and what changes of it. */
export function readRow(reply: Reply | undefined): RowState & { readonly domain: string } {
  const text = textOf(reply);
  const end = text.indexOf("\n");
  const state: RowState = JSON.parse(text.slice(end + 1));
  return { domain: text.slice(0, end), ...state };
}

function readEnvelope(reply: Reply | undefined): Envelope {
  return JSON.parse(textOf(reply));
}

/** A delivery as the script `claim` tells it: member, token, envelope, row. */
export function readDelivery([member, token, envelope, row]: readonly Reply[], leaseUntil: number): Delivery {
  return {
    key: readMember(textOf(member)).key,
    envelope: readEnvelope(envelope),
    ...readRow(row),
    token: numberOf(token),
    leaseUntil,
  };
}

/** A row as the script `list` tells it: member, envelope, row, when it can be claimed, and dueAt while it is leased. */
export function readQueueRow([member, envelope, row, at, dueAt]: readonly Reply[], now: number): QueueRow {
  const leased = textOf(dueAt) !== "";
  const free = Number(textOf(at));
  return {
    key: readMember(textOf(member)).key,
    envelope: readEnvelope(envelope),
    ...readRow(row),
    dueAt: leased ? Number(textOf(dueAt)) : free,
    leased: leased && free > now,
  };
}
