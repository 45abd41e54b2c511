import { appliedWord, dmarcTexts, inheritedPolicy, type InheritedPolicy } from "./dmarc-tree.ts";
import type { LookUp } from "./look-up.ts";
import { parseTagList } from "./tag-list.ts";
import { presentable, type Comparison, type ConclusiveAnswer } from "./verdict.ts";

/** What a DMARC record must ask for (RFC 9989). */
export interface DmarcPolicy {
  readonly policy: "None" | "Quarantine" | "Reject";
  readonly testing: "Enabled" | "Disabled";
  /** `mailto:` URIs that must receive aggregate reports. */
  readonly rua?: readonly string[];
}

/** The domain, and what is known of those above it. */
export interface DmarcSurroundings {
  readonly domain: string;
  /** Whether the domain is there at all; `np` counts where it is not. */
  readonly exists: boolean;
  readonly lookUp: LookUp;
}

const alone: DmarcSurroundings = { domain: "", exists: true, lookUp: () => undefined };

/** The record that asks for exactly the policy. */
export function dmarcValue(policy: DmarcPolicy): string {
  return merged(new Map(), policy);
}

/**
 * Compares the TXT records at `_dmarc.<domain>` with the policy. Valid: exactly one DMARC record, at least as strict as
 * asked, whose `rua` names every address that is asked for, and perhaps more; or none, where the domain inherits as much by
 * the tree walk. Strictness is what receivers act on: none < quarantine < reject, one step less with `t=y`; `pct` below
 * 100, which RFC 9989 dropped and old receivers heed, counts like `t=y`. Anything else that calls itself DMARC is a
 * Mismatch. The value to publish keeps what a record has, is never weaker than what counts now, and adds what is asked.
 */
export function compareDmarc(policy: DmarcPolicy, answer: ConclusiveAnswer, around = alone): Comparison {
  const found = dmarcTexts(answer);
  const [record] = found;
  if (record === undefined) return compareInherited(policy, around);
  const observed = presentable(found);
  const tags = parseTagList(record);
  const value = presentable([tags && found.length === 1 ? merged(tags, policy) : dmarcValue(policy)]);
  if (found.length > 1) {
    const explanation = `${found.length} DMARC records stand there, so receivers use none: replace them by one.`;
    return { verdict: "Mismatch", value, observed, explanation };
  }
  const fault = tags ? ownFault(tags, policy) : "The DMARC record is not a list of different tags.";
  if (fault !== undefined) return { verdict: "Mismatch", value, observed, explanation: fault };
  const explanation = "The DMARC record is as strict as asked, or stricter.";
  return { verdict: "Valid", value: observed, explanation };
}

/** What the domain's own record lacks, in a sentence; undefined when nothing is lacking. */
function ownFault(tags: Tags, policy: DmarcPolicy): string | undefined {
  const word = appliedWord(tags, "p");
  if (tags.has("p") && !ranks.includes(tags.get("p")?.toLowerCase() ?? ""))
    return "The DMARC record's p= tag is not none, quarantine or reject.";
  if (word === undefined)
    return "The DMARC record has neither a p= tag nor an address for reports: it counts for nothing.";
  const actual = strictness(word, weakened(tags));
  if (actual < askedStrictness(policy))
    return `The DMARC record is less strict than asked: it says ${spoken(word, tags)}, asked is ${asked(policy)}.`;
  const missing = missingAddresses(tags, policy);
  if (missing.length > 0) return `The DMARC record sends no aggregate reports to ${missing.join(", ")}.`;
  return undefined;
}

/** A domain without a record of its own: what it inherits counts. */
function compareInherited(policy: DmarcPolicy, { domain, exists, lookUp }: DmarcSurroundings): Comparison {
  const inherited = inheritedPolicy(domain, exists, lookUp);
  const none = "The domain has no DMARC record";
  if (inherited === "None") return { verdict: "Missing", value: dmarcValue(policy), explanation: `${none}.` };
  if (inherited === "Unclear") {
    const explanation = `${none} of its own, and what it inherits could not be asked for.`;
    return { verdict: "Unknown", value: dmarcValue(policy), explanation };
  }
  const { record, word } = inherited;
  const value = presentable([merged(ownTags(inherited), policy)]);
  const from = `${none} of its own: by ${inherited.tag}= at _dmarc.${record.domain} it gets ${spoken(word, record.tags)}`;
  if (strictness(word, weakened(record.tags)) < askedStrictness(policy))
    return { verdict: "Missing", value, explanation: `${from}, which is less strict than asked, ${asked(policy)}.` };
  const missing = missingAddresses(record.tags, policy);
  if (missing.length > 0)
    return { verdict: "Missing", value, explanation: `${from}, without aggregate reports to ${missing.join(", ")}.` };
  return { verdict: "Valid", value, explanation: `${from}, which is as strict as asked.` };
}

type Tags = ReadonlyMap<string, string>;

/** The tags that a record of the domain's own needs to do what the inherited one does for it. */
function ownTags({ record, word }: InheritedPolicy): Tags {
  const copied = ["t", "pct", "adkim", "aspf", "fo", "rua", "ruf"].flatMap((name): readonly [string, string][] => {
    const value = record.tags.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return new Map([["p", word], ...copied]);
}

/** A record with the tags of another, as strict as asked at least, that sends reports wherever either does. */
function merged(tags: Tags, policy: DmarcPolicy): string {
  const result = new Map([["p", ""], ...tags]);
  result.delete("v");
  const word = appliedWord(tags, "p");
  if (word !== undefined && strictness(word, weakened(tags)) >= askedStrictness(policy)) result.set("p", word);
  else {
    result.set("p", policy.policy.toLowerCase());
    result.delete("pct");
    if (policy.testing === "Enabled") result.set("t", "y");
    else result.delete("t");
  }
  const missing = missingAddresses(tags, policy);
  if (missing.length > 0) result.set("rua", [...(tags.get("rua") ? [tags.get("rua")] : []), ...missing].join(","));
  return ["v=DMARC1", ...Array.from(result, ([name, value]) => `${name}=${value}`)].join("; ");
}

const ranks: readonly string[] = ["none", "quarantine", "reject"];

/** 0 for none to 4 for reject; testing lies one policy lower, between the words so that it is never equal to one. */
function strictness(word: string, isWeakened: boolean): number {
  const rank = ranks.indexOf(word);
  return isWeakened ? Math.max(0, 2 * rank - 1) : 2 * rank;
}

function askedStrictness({ policy, testing }: DmarcPolicy): number {
  return strictness(policy.toLowerCase(), testing === "Enabled");
}

function weakened(tags: Tags): boolean {
  return tags.get("t")?.toLowerCase() === "y" || Number(tags.get("pct") ?? 100) < 100;
}

function spoken(word: string, tags: Tags): string {
  if (tags.get("t")?.toLowerCase() === "y") return `${word} in testing (t=y)`;
  return weakened(tags) ? `${word} for a part of the mail (pct=${tags.get("pct") ?? ""})` : word;
}

function asked({ policy, testing }: DmarcPolicy): string {
  return `${policy.toLowerCase()}${testing === "Enabled" ? " in testing (t=y)" : ""}`;
}

/** Addresses that are asked for and that a record sends nothing to. */
function missingAddresses(tags: Tags, policy: DmarcPolicy): readonly string[] {
  const addresses = new Set((tags.get("rua") ?? "").split(",").map(reportAddress));
  return (policy.rua ?? []).filter((uri) => !addresses.has(reportAddress(uri)));
}

/** A report URI as it is compared: lower case, without a size limit (`!10m`). */
function reportAddress(uri: string): string {
  return uri
    .trim()
    .toLowerCase()
    .replace(/![0-9]+[kmgt]?$/, "");
}
