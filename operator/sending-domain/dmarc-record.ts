import { parseTagList } from "./tag-list.ts";
import { joinedRecords, presentable, type Comparison, type ConclusiveAnswer } from "./verdict.ts";

/** What a DMARC record must ask for (RFC 9989). */
export interface DmarcPolicy {
  readonly policy: "None" | "Quarantine" | "Reject";
  readonly testing: "Enabled" | "Disabled";
  /** `mailto:` URIs that must receive aggregate reports. */
  readonly rua?: readonly string[];
}

/** The record that asks for exactly the policy. */
export function dmarcValue(policy: DmarcPolicy): string {
  const tags = ["v=DMARC1", `p=${policy.policy.toLowerCase()}`];
  if (policy.testing === "Enabled") tags.push("t=y");
  if (policy.rua !== undefined && policy.rua.length > 0) tags.push(`rua=${policy.rua.join(",")}`);
  return tags.join("; ");
}

/**
 * Compares the TXT records at `_dmarc.<domain>` with the policy. Valid: exactly one DMARC record, at least as strict as
 * asked, whose `rua` names every address that is asked for, and perhaps more. Strictness is what receivers act on:
 * none < quarantine < reject, one step less with `t=y`; `pct` below 100, which RFC 9989 dropped and old receivers heed,
 * counts like `t=y`; a missing `p` is none. Anything else that calls itself DMARC is a Mismatch.
 */
export function compareDmarc(policy: DmarcPolicy, answer: ConclusiveAnswer): Comparison {
  const value = dmarcValue(policy);
  const found = joinedRecords(answer).filter((text) => /^\s*v\s*=\s*DMARC1\s*(;|$)/.test(text));
  const [record] = found;
  if (record === undefined) return { verdict: "Missing", value, explanation: "The domain has no DMARC record." };
  const observed = presentable(found);
  if (found.length > 1) {
    const explanation = `${found.length} DMARC records stand there, so receivers use none: replace them by one.`;
    return { verdict: "Mismatch", value, observed, explanation };
  }
  const fault = faultOf(record, policy);
  if (fault !== undefined) return { verdict: "Mismatch", value, observed, explanation: fault };
  return { verdict: "Valid", value: observed, explanation: "The DMARC record is as strict as asked, or stricter." };
}

/** What a record lacks, in a sentence; undefined when nothing is lacking. */
function faultOf(record: string, policy: DmarcPolicy): string | undefined {
  const tags = parseTagList(record);
  if (tags === undefined) return "The DMARC record is not a list of different tags.";
  const asked = strictness(policy.policy.toLowerCase(), policy.testing === "Enabled");
  const weakened = tags.get("t")?.toLowerCase() === "y" || Number(tags.get("pct") ?? 100) < 100;
  const actual = strictness((tags.get("p") ?? "none").toLowerCase(), weakened);
  if (asked === undefined || actual === undefined)
    return "The DMARC record's p= tag is not none, quarantine or reject.";
  if (actual < asked) return "The DMARC record is less strict than asked.";
  const addresses = new Set((tags.get("rua") ?? "").split(",").map(reportAddress));
  const missing = (policy.rua ?? []).filter((uri) => !addresses.has(reportAddress(uri)));
  if (missing.length > 0) return `The DMARC record sends no aggregate reports to ${missing.join(", ")}.`;
  return undefined;
}

/** 0 for none to 4 for reject; testing lies one policy lower, between the words so that it is never equal to one. */
function strictness(word: string, weakened: boolean): number | undefined {
  const rank = ["none", "quarantine", "reject"].indexOf(word);
  if (rank === -1) return undefined;
  return weakened ? Math.max(0, 2 * rank - 1) : 2 * rank;
}

/** A report URI as it is compared: lower case, without a size limit (`!10m`). */
function reportAddress(uri: string): string {
  return uri
    .trim()
    .toLowerCase()
    .replace(/![0-9]+[kmgt]?$/, "");
}
