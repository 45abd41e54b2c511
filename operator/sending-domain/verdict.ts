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

/** Each TXT record as one string: its character strings joined without a space (RFC 7208 §3.3, RFC 6376 §3.6.2.2). */
export function joinedRecords(answer: ConclusiveAnswer): readonly string[] {
  return answer.kind === "Records" ? answer.values.map((strings) => strings.join("")) : [];
}

/** DNS content as a status may show it: it is hostile, so control characters go, and no more than 4096 characters stay. */
export function presentable(texts: readonly string[]): string {
  return texts
    .map((text) => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\uFFFD]/gu, "?"))
    .toSorted()
    .join(" | ")
    .slice(0, 4096);
}

/** A TXT value in strings of at most 255 octets, as zone files and some consoles want it. The values here are ASCII. */
export function splitTxt(value: string): readonly string[] {
  return value.match(/[^]{1,255}/g) ?? [""];
}
