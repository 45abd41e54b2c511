import type { RecordStatus } from "../../crds/sending-domain.ts";
import { timestamp } from "../timestamp.ts";
import { compareDkim } from "./dkim-record.ts";
import { compareDmarc } from "./dmarc-record.ts";
import type { DomainEvidence, NameEvidence } from "./evidence.ts";
import type { KeyEntry } from "./key-history.ts";
import type { ObservedDomain } from "./observed.ts";
import { compareSpf } from "./spf-record.ts";
import { compareShown, silenceSentence } from "./disagreement.ts";
import { answersIn, presentable, type Comparison, type ConclusiveAnswer, type ShownAnswer } from "./verdict.ts";

/** A record to publish, and what live DNS says of it. */
export interface ReportedRecord extends Comparison {
  readonly purpose: RecordStatus["purpose"];
  readonly fqdn: string;
  /** Of a DKIM record: its selector. */
  readonly selector?: string;
}

/** Failed checks in a row after which the last answer counts no more for the report. */
const toleratedFailures = 2;

const notAsked = "DNS was not asked yet.";

/** Where the record of a selector stands (RFC 6376 §3.6.2.1). */
export function dkimName(domain: string, selector: string): string {
  return `${selector}._domainkey.${domain}`;
}

/** Compares every record of a claim with what DNS shows: DKIM in the order of the entries, which have keys, then SPF and DMARC. */
export function compareRecords(observed: ObservedDomain, entries: readonly KeyEntry[]): readonly ReportedRecord[] {
  const { claim, spec, settings } = observed;
  const { domain } = claim;
  const spf = { include: settings.spfInclude, qualifier: spec.spf.qualifier };
  const dkim = entries.flatMap(({ selector, algorithm, key }): readonly ReportedRecord[] => {
    if (key === undefined) return [];
    const fqdn = dkimName(domain, selector);
    const compare = (answer: ConclusiveAnswer): Comparison =>
      compareDkim({ algorithm, publicKey: key.publicKey }, answer);
    return [{ purpose: "DKIM", fqdn, selector, ...look(observed, fqdn, compare) }];
  });
  return [
    ...dkim,
    { purpose: "SPF", fqdn: domain, ...look(observed, domain, (answer) => compareSpf(spf, answer)) },
    {
      purpose: "DMARC",
      fqdn: `_dmarc.${domain}`,
      ...look(observed, `_dmarc.${domain}`, (answer) => compareDmarc(spec.dmarc, answer)),
    },
  ];
}

function look(observed: ObservedDomain, fqdn: string, compare: (answer: ConclusiveAnswer) => Comparison): Comparison {
  const evidence = observed.evidence.names.get(fqdn);
  if (evidence?.answer !== undefined && evidence.failures <= toleratedFailures) {
    const found = compareShown(evidence.answer, compare);
    return { ...found, explanation: found.explanation + silenceSentence(evidence.silent ?? []) };
  }
  const { value } = evidence?.answer ? compareShown(evidence.answer, compare) : compare({ kind: "NoData" });
  const before = observed.status?.records?.find((record) => record.fqdn === fqdn);
  if (evidence === undefined && before !== undefined) return asBefore(before, value);
  const why = evidence?.failure === undefined ? "" : ` (${presentable([evidence.failure]).slice(0, 512)})`;
  const explanation = evidence ? `DNS could not be asked${why}; it will be again.` : notAsked;
  return { verdict: "Unknown", value, explanation };
}

/** After a restart the last report stands until the first check, so that a status does not flap. */
function asBefore(before: RecordStatus, value: string): Comparison {
  const { verdict, observed } = before;
  const standing = verdict === "Valid" || verdict === "NeedsMerge" ? before.value : value;
  const explanation = notAsked;
  return { verdict, value: standing, ...(observed !== undefined && { observed }), explanation };
}

/**
 * Whether the last two conclusive checks of a selector agree on whether its record is there; undefined while they do not.
 * It is there when every server that could be reached shows it.
 */
export function keyVisible(entry: KeyEntry, domain: string, evidence: DomainEvidence): boolean | undefined {
  const seen = evidence.names.get(dkimName(domain, entry.selector));
  if (seen?.answer === undefined || entry.key === undefined) return undefined;
  const { algorithm, key } = entry;
  const valid = (shown: ShownAnswer): boolean =>
    answersIn(shown).every(
      (answer) => compareDkim({ algorithm, publicKey: key.publicKey }, answer).verdict === "Valid",
    );
  if (valid(seen.answer)) return true;
  return seen.previous !== undefined && !valid(seen.previous) ? false : undefined;
}

/** What DNS showed of a selector, while it shows the key's own record. */
export function shownSince(entry: KeyEntry, domain: string, evidence: DomainEvidence): NameEvidence | undefined {
  const seen = evidence.names.get(dkimName(domain, entry.selector));
  return keyVisible(entry, domain, evidence) === true ? seen : undefined;
}

/** The report as a status holds it. */
export function recordStatuses(
  records: readonly ReportedRecord[],
  domain: string,
  before: readonly RecordStatus[],
  now: number,
): RecordStatus[] {
  return records.map(({ purpose, fqdn, value, verdict, observed }) => {
    const previous = before.find((record) => record.fqdn === fqdn);
    return {
      purpose,
      type: "TXT",
      fqdn: fqdn.slice(0, 255),
      name: fqdn === domain ? "@" : fqdn.slice(0, -domain.length - 1),
      value: presentable([value]),
      verdict,
      ...(observed !== undefined && verdict !== "Valid" && { observed }),
      verdictSince: previous?.verdict === verdict ? previous.verdictSince : timestamp(now),
    };
  });
}
