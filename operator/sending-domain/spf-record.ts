import { joinedRecords, presentable, type Comparison, type ConclusiveAnswer } from "./verdict.ts";

/** What an SPF record must do. */
export interface SpfPolicy {
  /** The fleet's name to include. */
  readonly include: string;
  /** How a record ends that is made anew. */
  readonly qualifier: "Fail" | "SoftFail" | "Neutral";
}

const redirect = /^redirect=/i;

const ending: Readonly<Record<SpfPolicy["qualifier"], string>> = { Fail: "-all", SoftFail: "~all", Neutral: "?all" };

/** The record for a domain that has none (RFC 7208). */
export function spfValue(policy: SpfPolicy): string {
  return `v=spf1 include:${policy.include} ${ending[policy.qualifier]}`;
}

/**
 * Compares the TXT records at a domain with the policy. Valid: exactly one SPF record, with the fleet's include passing
 * (no qualifier or `+`) before any `all`. NeedsMerge: one record without that; the value to publish is that record with
 * the include put first. Two SPF records are a Mismatch, since receivers give up there (RFC 7208 §4.5).
 */
export function compareSpf(policy: SpfPolicy, answer: ConclusiveAnswer): Comparison {
  const found = joinedRecords(answer)
    .filter((text) => /^v=spf1( |$)/i.test(text))
    // Servers turn the order of records around; what is to be published must not turn with them.
    .toSorted();
  const [record] = found;
  if (record === undefined)
    return { verdict: "Missing", value: spfValue(policy), explanation: "The domain has no SPF record." };
  const observed = presentable(found);
  const value = presentable([merge(found, policy)]);
  if (found.length > 1) {
    const explanation = `${found.length} SPF records stand at the domain, so receivers use none: replace them by one.`;
    return { verdict: "Mismatch", value, observed, explanation };
  }
  if (includes(termsOf(record), policy.include))
    return { verdict: "Valid", value: observed, explanation: "The SPF record includes the fleet." };
  const explanation = "The SPF record does not include the fleet: add the include to it, beside what it has.";
  return { verdict: "NeedsMerge", value, observed, explanation };
}

function termsOf(record: string): readonly string[] {
  return record
    .split(" ")
    .filter((term) => term !== "")
    .slice(1);
}

function isAll(term: string): boolean {
  return /^[-+~?]?all$/i.test(term);
}

/** The name that a passing include asks for, or undefined for another term. */
function includedBy(term: string): string | undefined {
  return /^\+?include:(.+?)\.?$/i.exec(term)?.[1]?.toLowerCase();
}

/** Whether the include is reached: terms after `all` never are (RFC 7208 §5.1). */
function includes(terms: readonly string[], include: string): boolean {
  const end = terms.findIndex(isAll);
  const reached = end === -1 ? terms : terms.slice(0, end);
  return reached.some((term) => includedBy(term) === include.toLowerCase());
}

/** One record that does what all do and includes the fleet first, where no term before it can decide otherwise. */
function merge(records: readonly string[], policy: SpfPolicy): string {
  const isOnly = records.length === 1;
  const terms = [...new Set(isOnly ? records.flatMap(termsOf) : records.flatMap(mergeableTerms))];
  const kept = terms.filter((term) => !isAll(term) && !names(term, policy.include));
  const end = terms.find(isAll) ?? (isOnly ? [] : ending[policy.qualifier]);
  return ["v=spf1", `include:${policy.include}`, ...kept, ...[end].flat()].join(" ");
}

/** Terms that can stand beside another record's: a redirect would be void beside an `all`, or stand twice (RFC 7208 §6.1). */
function mergeableTerms(record: string): readonly string[] {
  const terms = termsOf(record);
  if (terms.some(isAll)) return terms.filter((term) => !redirect.test(term));
  return terms.map((term) => term.replace(redirect, "include:"));
}

function names(term: string, include: string): boolean {
  return includedBy(term.replace(/^[-~?]/, "")) === include.toLowerCase();
}
