import type { Reply } from "../session/reply.ts";

/** What a check says: go on, or refuse with a reply (5xx `Reject`, 4xx `Defer`) and a CamelCase reason for logs and metrics. */
export type Verdict =
  | { readonly kind: "Accept" }
  | { readonly kind: "Reject" | "Defer"; readonly reply: Reply; readonly reason: string };

export const accept: Verdict = { kind: "Accept" };
