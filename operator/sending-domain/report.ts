import { isDeepStrictEqual } from "node:util";
import type { RecordStatus } from "../../crds/sending-domain.ts";
import { timestamp } from "../timestamp.ts";
import { compareDkim, compareRevoked } from "./dkim-record.ts";
import { compareDmarc } from "./dmarc-record.ts";
import { dmarcName } from "./dmarc-tree.ts";
import type { KeyEntry } from "./key-history.ts";
import { keyState, type KeyState } from "./key-state.ts";
import type { ObservedDomain } from "./observed.ts";
import { lacksAnswers, lookUpIn } from "./related-evidence.ts";
import type { LookUp } from "./look-up.ts";
import { compareAuthorisation, foreignReceivers, type ReportReceiver } from "./report-authorisation.ts";
import { compareSpf, type SpfPolicy } from "./spf-record.ts";
import { compareShown, silenceSentence } from "./disagreement.ts";
import { presentable, type Comparison, type ConclusiveAnswer } from "./verdict.ts";

/** A record to publish, and what live DNS says of it. */
export interface ReportedRecord extends Comparison {
  readonly purpose: RecordStatus["purpose"];
  readonly fqdn: string;
  /** Of a DKIM record: its selector. */
  readonly selector?: string;
  /** Of a DKIM record: where its key is in its life. */
  readonly state?: KeyState;
  /** The domain whose owner publishes the record, where that is another than the claim's. */
  readonly publishIn?: string;
  /** Told as the last report has it: this process has not learnt anything yet that would be better. */
  readonly isKept?: true;
}

/** What a look at one record comes to. */
type Looked = Comparison & Pick<ReportedRecord, "isKept">;

/** Failed checks in a row after which the last answer counts no more for the report. */
const toleratedFailures = 2;

const notAsked = "DNS was not asked yet.";

/** Where the record of a selector stands (RFC 6376 §3.6.2.1). */
export function dkimName(domain: string, selector: string): string {
  return `${selector}._domainkey.${domain}`;
}

/** What the SPF record of a claim must do. */
export function spfPolicyOf({ settings, spec }: ObservedDomain): SpfPolicy {
  return { include: settings.spfInclude, qualifier: spec.spf.qualifier };
}

/**
 * Compares every record of a claim with what DNS shows: DKIM in the order of the entries, which have keys, then SPF and
 * DMARC, then the word of those who receive DMARC reports.
 */
export function compareRecords(observed: ObservedDomain, entries: readonly KeyEntry[]): readonly ReportedRecord[] {
  const { domain } = observed.claim;
  const dkim = entries.flatMap((entry): readonly ReportedRecord[] => {
    const { selector, algorithm, key } = entry;
    if (key === undefined) return [];
    const state = keyState(entry);
    const fqdn = dkimName(domain, selector);
    const compare = (answer: ConclusiveAnswer): Comparison =>
      state === "Revoked" ? compareRevoked(answer) : compareDkim({ algorithm, publicKey: key.publicKey }, answer);
    return [{ purpose: "DKIM", fqdn, selector, state, ...look(observed, fqdn, { compare }) }];
  });
  return [...dkim, ...policyRecords(observed)];
}

function policyRecords(observed: ObservedDomain): readonly ReportedRecord[] {
  const { claim, spec, evidence } = observed;
  const { domain } = claim;
  const lookUp = lookUpIn(evidence);
  const spf = (answer: ConclusiveAnswer): Comparison => compareSpf(spfPolicyOf(observed), answer, { domain, lookUp });
  const exists = evidence.names.get(domain)?.answer?.kind !== "NXDomain";
  const dmarc = (answer: ConclusiveAnswer): Comparison => compareDmarc(spec.dmarc, answer, { domain, exists, lookUp });
  const isRelated = true;
  return [
    { purpose: "SPF", fqdn: domain, ...look(observed, domain, { compare: spf, isRelated }) },
    { purpose: "DMARC", fqdn: dmarcName(domain), ...look(observed, dmarcName(domain), { compare: dmarc, isRelated }) },
    ...receivers(observed, lookUp).map((receiver) => receiverRecord(observed, receiver)),
  ];
}

/** Whose word is needed; after a restart those that were last found, until it is known again who belongs together. */
function receivers({ claim, spec, evidence, status }: ObservedDomain, lookUp: LookUp): readonly ReportReceiver[] {
  const found = foreignReceivers(claim.domain, spec.dmarc.rua ?? [], lookUp);
  if (evidence.related !== undefined && !lacksAnswers(evidence.related)) return found;
  return found.filter(({ fqdn }) => status?.records?.some((record) => record.fqdn === fqdn));
}

function receiverRecord(observed: ObservedDomain, { host, fqdn }: ReportReceiver): ReportedRecord {
  const { domain } = observed.claim;
  const compare = (answer: ConclusiveAnswer): Comparison => compareAuthorisation(domain, host, answer);
  return { purpose: "DMARCReport", fqdn, publishIn: host, ...look(observed, fqdn, { compare }) };
}

/** How a record is looked at. */
interface Looking {
  readonly compare: (answer: ConclusiveAnswer) => Comparison;
  /** Whether names beyond the record itself count. */
  readonly isRelated?: boolean;
}

function look(observed: ObservedDomain, fqdn: string, looking: Looking): Looked {
  const { compare } = looking;
  const evidence = observed.evidence.names.get(fqdn);
  const before = observed.status?.records?.find((record) => record.fqdn === fqdn);
  if (before !== undefined && isTooEarly(observed, before, looking)) return asBefore(observed, before, compare);
  if (evidence?.answer !== undefined && evidence.failures <= toleratedFailures) {
    const found = compareShown(evidence.answer, compare);
    return { ...found, explanation: found.explanation + silenceSentence(evidence.silent ?? []) };
  }
  const { value } = evidence?.answer ? compareShown(evidence.answer, compare) : compare({ kind: "NoData" });
  return { verdict: "Unknown", value, explanation: evidence ? failureSentence(evidence.failure) : notAsked };
}

/**
 * Whether the last report is better than what this process knows: nothing was asked yet, or some of the first questions
 * found no answer, as those of a machine that is busy with starting do. Only failures in a row tell that something is wrong.
 */
function isTooEarly({ evidence }: ObservedDomain, { fqdn, verdict }: RecordStatus, { isRelated }: Looking): boolean {
  const name = evidence.names.get(fqdn);
  if (name === undefined) return true;
  if (verdict === "Unknown") return false;
  if (name.answer === undefined) return name.failures <= toleratedFailures;
  const isUnchanged = name.previous === undefined || name.previous === name.answer;
  return isRelated === true && isUnchanged && evidence.related !== undefined && lacksAnswers(evidence.related);
}

function failureSentence(failure: string | undefined): string {
  const why = failure === undefined ? "" : ` (${presentable([failure]).slice(0, 512)})`;
  return `DNS could not be asked${why}; it will be again.`;
}

/** After a restart the last report stands until a check has brought answers, so that a status does not flap. */
function asBefore(
  { status, generation }: ObservedDomain,
  before: RecordStatus,
  compare: (answer: ConclusiveAnswer) => Comparison,
): Looked {
  const { purpose, verdict, observed, explanation = notAsked } = before;
  // Of a policy the value keeps what was found there, which only another spec makes obsolete. A key's is its own.
  const isSame = purpose !== "DKIM" && status?.observedGeneration === generation;
  const stands = isSame || verdict === "Valid" || verdict === "NeedsMerge";
  const value = stands ? before.value : compare({ kind: "NoData" }).value;
  return { verdict, value, ...(observed !== undefined && { observed }), explanation, isKept: true };
}

/** The report as a status holds it. */
export function recordStatuses(
  records: readonly ReportedRecord[],
  domain: string,
  before: readonly RecordStatus[],
  now: number,
): RecordStatus[] {
  return records.map(({ purpose, fqdn, value, verdict, observed, explanation, publishIn }) => {
    const previous = before.find((record) => record.fqdn === fqdn);
    const status: RecordStatus = {
      purpose,
      type: "TXT",
      fqdn: fqdn.slice(0, 255),
      name: fqdn === domain ? "@" : fqdn.slice(0, -(publishIn ?? domain).length - 1),
      value: presentable([value]),
      verdict,
      ...(observed !== undefined && verdict !== "Valid" && { observed }),
      ...(verdict !== "Valid" && { explanation: presentable([explanation]).slice(0, 2048) }),
      ...(publishIn !== undefined && { publishIn }),
      verdictSince: previous?.verdict === verdict ? previous.verdictSince : timestamp(now),
    };
    return previous !== undefined && isDeepStrictEqual(previous, status) ? previous : status;
  });
}
