import type { RecordStatus } from "../../crds/sending-domain.ts";
import { timestamp } from "../timestamp.ts";
import { compareDkim, compareRevoked } from "./dkim-record.ts";
import { compareDmarc } from "./dmarc-record.ts";
import type { KeyEntry } from "./key-history.ts";
import { keyState, type KeyState } from "./key-state.ts";
import type { ObservedDomain } from "./observed.ts";
import { compareSpf } from "./spf-record.ts";
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
  const dkim = entries.flatMap((entry): readonly ReportedRecord[] => {
    const { selector, algorithm, key } = entry;
    if (key === undefined) return [];
    const state = keyState(entry);
    const fqdn = dkimName(domain, selector);
    const compare = (answer: ConclusiveAnswer): Comparison =>
      state === "Revoked" ? compareRevoked(answer) : compareDkim({ algorithm, publicKey: key.publicKey }, answer);
    return [{ purpose: "DKIM", fqdn, selector, state, ...look(observed, fqdn, compare) }];
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
