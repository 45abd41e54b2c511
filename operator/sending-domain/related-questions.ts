import type { SendingDomainSpec } from "../../crds/sending-domain.ts";
import { isDomainName } from "../../net/domain-name.ts";
import { compareDmarc } from "./dmarc-record.ts";
import { dmarcName } from "./dmarc-tree.ts";
import type { DomainEvidence } from "./evidence.ts";
import { questionKey, type LookUp, type Question } from "./look-up.ts";
import { lookUpIn } from "./related-evidence.ts";
import { foreignReceivers } from "./report-authorisation.ts";
import { compareSpf, type SpfPolicy } from "./spf-record.ts";
import { answersIn, type ConclusiveAnswer } from "./verdict.ts";

/** What the records of a claim must do, as far as other names have a say in it. */
export interface ClaimPolicies {
  readonly domain: string;
  readonly spf: SpfPolicy;
  readonly dmarc: SendingDomainSpec["dmarc"];
}

/** Questions about one claim in one check at most, whatever its records say. */
export const mostRelated = 100;

/**
 * What must be asked beyond a claim's own records before these can be judged: the judges run on what is known, and what
 * they miss is asked. Answers may bring further questions; each is asked once, so that it ends.
 */
export function relatedQuestions(policies: ClaimPolicies, evidence: DomainEvidence): readonly Question[] {
  const wanted = new Map<string, Question>();
  const lookUp = lookUpIn(evidence, (question) => {
    if (isDomainName(question.name)) wanted.set(questionKey(question), question);
  });
  judge(policies, evidence, lookUp);
  return [...wanted.values()].slice(0, Math.max(0, mostRelated - (evidence.related?.size ?? 0)));
}

function judge({ domain, spf, dmarc }: ClaimPolicies, evidence: DomainEvidence, lookUp: LookUp): void {
  const shown = (name: string): readonly ConclusiveAnswer[] => {
    const answer = evidence.names.get(name)?.answer;
    return answer === undefined ? [] : answersIn(answer);
  };
  for (const answer of shown(domain)) compareSpf(spf, answer, { domain, lookUp });
  for (const answer of shown(dmarcName(domain))) compareDmarc(dmarc, answer, { domain, exists: true, lookUp });
  foreignReceivers(domain, dmarc.rua ?? [], lookUp);
}
