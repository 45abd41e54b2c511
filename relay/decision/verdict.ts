import type { Reply } from "../session/reply.ts";

/** A refusal: a reply (5xx `Reject`, 4xx `Defer`) and a CamelCase reason for logs, events and metrics. */
export interface Refusal {
  readonly kind: "Reject" | "Defer";
  readonly reply: Reply;
  readonly reason: string;
}

/** What a check says: go on, or refuse with a reply and a reason. */
export type Verdict = { readonly kind: "Accept" } | Refusal;

export const accept: Verdict = { kind: "Accept" };

/** Refuses with a reply; its code says whether for good. */
export function refuse(reply: Reply, reason: string): Refusal {
  return { kind: reply.code < 500 ? "Defer" : "Reject", reply, reason };
}
