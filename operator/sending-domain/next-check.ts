import type { DnsTiming } from "../config.ts";
import { pauseAfter, type NameEvidence } from "./evidence.ts";
import type { ObservedDomain } from "./observed.ts";
import { lacksAnswers } from "./related-evidence.ts";
import type { ClaimPolicies } from "./related-questions.ts";
import { spfPolicyOf, type ReportedRecord } from "./report.ts";
import type { Visibility } from "./visibility.ts";

/** What to ask the DNS for a claim, and when. */
export interface DnsQuestions {
  /** Names whose TXT records are wanted, sorted. */
  readonly names: readonly string[];
  /** The domain, whose SOA tells how long caches hold that nothing is there. */
  readonly zone: string;
  /** What decides which names beyond these are asked for, as answers come in; none without it. */
  readonly policies?: ClaimPolicies;
  /** When to ask next; what lies in the past means now. */
  readonly checkAt: number;
}

/**
 * When the records of a claim are to be checked next: as soon as any one of them is due. `waiting` says what is known of the
 * records, by name, that must be visible for a while before their keys sign.
 */
export function nextCheck(
  observed: ObservedDomain,
  records: readonly ReportedRecord[],
  waiting: ReadonlyMap<string, Visibility>,
  now: number,
): DnsQuestions {
  const { evidence, settings, claim, spec } = observed;
  const due = records.map(({ fqdn, verdict, state }) => {
    const view = waiting.get(fqdn);
    // Nothing hangs on the record of a key that signs no more.
    const record = { isSettled: verdict === "Valid" || state === "Retired", ...(view && { waiting: view }) };
    return dueAt(evidence.names.get(fqdn), record, settings.timing, now);
  });
  const names = records.map(({ fqdn }) => fqdn).toSorted();
  const policies = { domain: claim.domain, spf: spfPolicyOf(observed), dmarc: spec.dmarc };
  return { names, zone: claim.domain, policies, checkAt: Math.min(...due, ...relatedDue(observed, now)) };
}

/** What was never answered of the names beyond the records is asked again soon. */
function relatedDue({ evidence, settings, claim }: ObservedDomain, now: number): readonly number[] {
  if (evidence.related === undefined || !lacksAnswers(evidence.related)) return [];
  const { checkedAt = now } = evidence.names.get(claim.domain) ?? {};
  return [Math.min(checkedAt, now) + settings.timing.missingInterval];
}

/** A record, as far as it matters for when to look at it again. */
export interface CheckedRecord {
  /** It is as it should be, or nothing hangs on it. */
  readonly isSettled: boolean;
  /** What is known of a record that must be visible for a while before its key signs. */
  readonly waiting?: Visibility;
}

/** When one record is to be checked next, in milliseconds since the epoch. */
export function dueAt(
  name: NameEvidence | undefined,
  { isSettled, waiting }: CheckedRecord,
  timing: DnsTiming,
  now: number,
): number {
  if (name === undefined) return now;
  // After a jump back of the clock the last check lies in the future; nobody waits for that to come again.
  const checkedAt = Math.min(name.checkedAt, now);
  const ordinary = checkedAt + pause(name, isSettled, timing);
  const { shownFor, requiredDelay = 0 } = waiting ?? {};
  if (shownFor === undefined) return ordinary;
  const activation = Math.min(name.confirmedAt, now) + requiredDelay - shownFor;
  const soon = checkedAt + pause(name, false, timing);
  return activation > checkedAt ? Math.min(activation, soon) : soon;
}

/** How long to wait after a check: longer the longer nothing has changed, and longest when all is well. */
function pause(name: NameEvidence, valid: boolean, timing: DnsTiming): number {
  const { missingInterval, missingIntervalMax } = timing;
  if (name.failures > 0) return Math.min(missingInterval * 2 ** Math.min(name.failures - 1, 20), missingIntervalMax);
  return valid ? timing.checkInterval : pauseAfter(name.shownFor, timing);
}
