import type { Showing } from "../../net/authoritative-answer.ts";
import type { Answer } from "../../net/resolver.ts";
import type { RecordStatus } from "../../crds/sending-domain.ts";

export type Verdict = RecordStatus["verdict"];

/** What one record to publish looks like in live DNS. */
export interface Comparison {
  readonly verdict: Verdict;
  /** What to publish. */
  readonly value: string;
  /** What was found instead; absent when Valid or when nothing is there. */
  readonly observed?: string;
  /** One sentence for people. */
  readonly explanation: string;
}

/** An answer that says something of the zone: everything but a failure. */
export type ConclusiveAnswer = Exclude<Answer<"TXT">, { kind: "Failed" }>;

/** The authoritative servers of a zone contradict each other. */
export interface Disagreement {
  readonly kind: "Disagreement";
  /** Those that said something, sorted. */
  readonly servers: readonly Showing<"TXT">[];
}

/** What a check has shown: an answer that all agree on, or who shows what. */
export type ShownAnswer = ConclusiveAnswer | Disagreement;

/** Every answer in what a check has shown: what counts only if all show it must hold for each of them. */
export function answersIn(shown: ShownAnswer): readonly ConclusiveAnswer[] {
  return shown.kind === "Disagreement" ? shown.servers.map(({ answer }) => answer) : [shown];
}

/** Each TXT record as one string: its character strings joined without a space (RFC 7208 §3.3, RFC 6376 §3.6.2.2). */
export function joinedRecords(answer: ConclusiveAnswer): readonly string[] {
  return answer.kind === "Records" ? answer.values.map((strings) => strings.join("")) : [];
}

/** DNS content as a status may show it: it is hostile, so control characters go, and no more than 4096 characters stay. */
export function presentable(texts: readonly string[]): string {
  return texts
    .map((text) => (/^[ -~]*$/.test(text) ? text : text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\uFFFD]/gu, "?")))
    .toSorted()
    .join(" | ")
    .slice(0, 4096);
}
