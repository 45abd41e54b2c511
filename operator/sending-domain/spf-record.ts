import type { LookUp } from "./look-up.ts";
import { isSpf, termTexts } from "./spf-terms.ts";
import { countingEnds, mostLookUps, mostVoids, walkSpf, type SpfWalk } from "./spf-walk.ts";
import { joinedRecords, presentable, type Comparison, type ConclusiveAnswer } from "./verdict.ts";

/** What an SPF record must do. */
export interface SpfPolicy {
  /** The fleet's name to include. */
  readonly include: string;
  /** How a record ends that is made anew. */
  readonly qualifier: "Fail" | "SoftFail" | "Neutral";
}

/** Where the record stands, and what is known of the names that it includes. */
export interface SpfSurroundings {
  readonly domain: string;
  readonly lookUp: LookUp;
}

const ending: Readonly<Record<SpfPolicy["qualifier"], string>> = { Fail: "-all", SoftFail: "~all", Neutral: "?all" };
const alone: SpfSurroundings = { domain: "", lookUp: () => undefined };

/** The record for a domain that has none (RFC 7208). */
export function spfValue(policy: SpfPolicy): string {
  return `v=spf1 include:${policy.include} ${ending[policy.qualifier]}`;
}

/** The SPF records among the TXT records of a domain, in an order that does not turn with the servers'. */
export function spfRecords(answer: ConclusiveAnswer): readonly string[] {
  return joinedRecords(answer).filter(isSpf).toSorted();
}

/**
 * Compares the TXT records at a domain with the policy. Valid: exactly one SPF record, through which mail of the fleet
 * passes, be it by nested includes or redirect, and at which no receiver gives up. NeedsMerge: a sound record without the
 * fleet; the value to publish is that record with the include put before its end. Several records, a record over the
 * limits of RFC 7208 §4.6.4 and one with a fault are a Mismatch. Unknown: what it includes could not be asked for.
 */
export function compareSpf(policy: SpfPolicy, answer: ConclusiveAnswer, around = alone): Comparison {
  const found = spfRecords(answer);
  const [record] = found;
  if (record === undefined)
    return { verdict: "Missing", value: spfValue(policy), explanation: "The domain has no SPF record." };
  const observed = presentable(found);
  if (found.length > 1) {
    const explanation = `${found.length} SPF records stand at the domain, so receivers use none: replace them by one.`;
    return { verdict: "Mismatch", value: presentable([mergedSpf(found, policy)]), observed, explanation };
  }
  const walk = walkSpf({ ...around, record, include: policy.include }, around.lookUp);
  const value = walk.reached ? observed : presentable([mergedSpf(found, policy)]);
  const faults = [...walk.faults, ...limitFaults(walk)];
  if (faults.length > 0) {
    const also = walk.reached ? "" : " It does not include the fleet either.";
    const explanation = `Receivers give up at the SPF record (permerror). ${faults.join(" ")}${also}`;
    return { verdict: "Mismatch", value, observed, explanation };
  }
  if (walk.reached) return { verdict: "Valid", value, explanation: validSentence(walk) };
  if (walk.unclear.length > 0) {
    const explanation = `Whether the SPF record includes the fleet is not known: DNS did not answer for ${nameList(walk.unclear)}.`;
    return { verdict: "Unknown", value, observed, explanation };
  }
  return { verdict: "NeedsMerge", value, observed, explanation: mergeSentence(value, policy, around) };
}

function validSentence({ lookUps, includeFaults }: SpfWalk): string {
  const sound = `The SPF record includes the fleet and takes ${lookUps} of ${mostLookUps} look-ups.`;
  if (includeFaults.length === 0) return sound;
  return `${sound} The fleet's own record is wrong, which the platform team must mend: ${includeFaults.join(" ")}`;
}

function mergeSentence(value: string, policy: SpfPolicy, around: SpfSurroundings): string {
  const explanation = "The SPF record does not include the fleet: add the include to it, beside what it has.";
  const merged = walkSpf({ ...around, record: value, include: policy.include }, around.lookUp);
  const faults = limitFaults(merged);
  return faults.length === 0 ? explanation : `${explanation} With the include it is too much. ${faults.join(" ")}`;
}

/** What of the limits a record breaks, in sentences. */
export function limitFaults({ lookUps, voids, costs }: SpfWalk): readonly string[] {
  const faults: string[] = [];
  if (lookUps > mostLookUps) {
    const many = lookUps > countingEnds ? `more than ${countingEnds}` : String(lookUps);
    const dear = costs.toSorted(([, one], [, other]) => other - one).slice(0, 12);
    const list = dear.map(([term, cost]) => `${term.slice(0, 100)} (${cost})`).join(", ");
    faults.push(`It takes ${many} look-ups where ${mostLookUps} are allowed: take out what sends no mail, of ${list}.`);
  }
  if (voids.length > mostVoids)
    faults.push(
      `${voids.length} of its look-ups find nothing where ${mostVoids} may: take out what asks for ${nameList(voids)}.`,
    );
  return faults;
}

function nameList(all: readonly string[]): string {
  return [...new Set(all)].slice(0, 10).join(", ");
}

function isAll(term: string): boolean {
  return /^[-+~?]?all$/i.test(term);
}

function isRedirect(term: string): boolean {
  return /^redirect=/i.test(term);
}

/** Whether a term includes a name, whatever it makes of it. */
function names(term: string, include: string): boolean {
  return /^[-+~?]?include:(.+?)\.?$/i.exec(term)?.[1]?.toLowerCase() === include.toLowerCase();
}

/**
 * One record that does what all do and includes the fleet: their terms in their order, the include before the end, which
 * is the first `all`, else the first `redirect`. What stands behind an `all` is never reached, and stays there.
 */
export function mergedSpf(records: readonly string[], policy: SpfPolicy): string {
  const isOnly = records.length === 1;
  const parts = records
    .toSorted()
    .map(termTexts)
    .map((terms) => {
      const all = terms.findIndex(isAll);
      if (all !== -1)
        return { reached: terms.slice(0, all).filter((term) => isOnly || !isRedirect(term)), rest: terms.slice(all) };
      return { reached: isOnly ? terms : terms.map((term) => term.replace(/^redirect=/i, "include:")), rest: [] };
    });
  const reached = new Set(parts.flatMap((part) => part.reached));
  const rest = new Set(parts.flatMap((part) => part.rest));
  const made = isOnly ? [] : [ending[policy.qualifier]];
  const [end] = [...[...rest].filter(isAll), ...[...reached].filter(isRedirect), ...made];
  const kept = (term: string): boolean => !isAll(term) && !isRedirect(term) && !names(term, policy.include);
  const behind = [...rest].filter((term) => kept(term) && !reached.has(term));
  const before = [...reached].filter(kept);
  return ["v=spf1", ...before, `include:${policy.include}`, ...(end === undefined ? [] : [end]), ...behind].join(" ");
}
