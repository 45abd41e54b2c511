import type { Answer } from "../../net/resolver.ts";
import type { DomainEvidence } from "./evidence.ts";
import { questionKey, type LookUp, type Question } from "./look-up.ts";

/** What checks have shown of a name beyond a claim's own records: what its SPF record includes, what its DMARC inherits. */
export interface RelatedEvidence {
  /** The last answer that says something; a failure where there was none, or when several checks in a row have failed. */
  readonly answer: Answer<Question["type"]>;
  /** Failed checks since the last conclusive one. */
  readonly failures: number;
}

/** Failed checks in a row that do not yet make what was known unknown. */
const toleratedFailures = 2;

/** Takes in another answer. */
export function foldRelated(before: RelatedEvidence | undefined, answer: Answer<Question["type"]>): RelatedEvidence {
  if (answer.kind !== "Failed") return { answer, failures: 0 };
  const failures = (before?.failures ?? 0) + 1;
  return { answer: before !== undefined && failures <= toleratedFailures ? before.answer : answer, failures };
}

/** Whether something was never answered and failed too seldom yet to say that it cannot be. */
export function lacksAnswers(related: ReadonlyMap<string, RelatedEvidence>): boolean {
  return [...related.values()].some(
    ({ answer, failures }) => answer.kind === "Failed" && failures <= toleratedFailures,
  );
}

/**
 * Look-ups in what is known: in the related names, else in the claim's own. `onUnknown` is told of each question that
 * nothing is known of.
 */
export function lookUpIn(evidence: DomainEvidence, onUnknown?: (question: Question) => void): LookUp {
  const known = (name: string, type: Question["type"]): Answer | undefined => {
    const own = type === "TXT" ? evidence.names.get(name)?.answer : undefined;
    if (own !== undefined && own.kind !== "Disagreement") return own;
    const related = evidence.related?.get(questionKey({ name, type }));
    if (related === undefined) onUnknown?.({ name, type });
    return related?.answer;
  };
  // An answer is kept under the type that it was asked with.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return known as LookUp;
}
