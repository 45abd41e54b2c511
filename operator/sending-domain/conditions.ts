import type { SendingDomainStatus } from "../../crds/sending-domain.ts";
import { formatDuration } from "../../runtime/duration.ts";
import type { ConditionType, Finding } from "../conditions.ts";
import type { ObservedDomain } from "./observed.ts";
import type { ClaimState } from "./claim-state.ts";
import { isLiving } from "./key-state.ts";
import type { ReportedRecord } from "./report.ts";

/** The conditions of a SendingDomain beside Ready, Reconciling and Stalled. */
export const domainConditions: readonly ConditionType[] = [
  { type: "KeysReady", means: "A key of each algorithm exists.", neededForReady: true },
  { type: "OwnershipProven", means: "The claim holds the domain.", neededForReady: false },
  { type: "DKIMVerified", means: "The records of all keys are published.", neededForReady: false },
  { type: "SPFVerified", means: "The SPF record includes the fleet.", neededForReady: false },
  { type: "DMARCVerified", means: "The DMARC record is as strict as asked.", neededForReady: false },
  { type: "DNSVerified", means: "DKIM, SPF and DMARC are verified.", neededForReady: false },
];

/** What is known of each condition. */
export function domainFindings(observed: ObservedDomain, state: ClaimState): Readonly<Record<string, Finding>> {
  const found = {
    DKIMVerified: dkim(state),
    SPFVerified: verified(state.records, "SPF"),
    DMARCVerified: verified(state.records, "DMARC"),
  };
  // After a restart what was last found stands until it is found anew, so that a status does not flap.
  const records = { ...found, ...standing(observed.status, keptTypes(observed, state)) };
  const dns = { ...records, DNSVerified: all(Object.values(records)) };
  return { KeysReady: keys(observed, state), OwnershipProven: ownership(observed, state), ...dns };
}

/** The conditions of which no record was found anew. */
function keptTypes({ evidence }: ObservedDomain, { records }: ClaimState): readonly string[] {
  return (["DKIM", "SPF", "DMARC"] as const)
    .filter((purpose) => {
      const mine = onWhichHangs(records, purpose);
      return evidence.names.size === 0 || (mine.length > 0 && mine.every(({ isKept }) => isKept));
    })
    .map((purpose) => `${purpose}Verified`);
}

function keys(observed: ObservedDomain, state: ClaimState): Finding {
  const lacking = observed.spec.dkim.algorithms.filter(
    (wanted) =>
      !state.entries.some((entry) => entry.algorithm === wanted && entry.key !== undefined && isLiving(entry)) ||
      state.lacking.some(({ algorithm }) => algorithm === wanted),
  );
  return lacking.length === 0
    ? { status: "True", reason: "KeysCreated", message: "A key of each algorithm exists." }
    : { status: "False", reason: "KeysMissing", message: `Keys are to be made: ${lacking.toSorted().join(", ")}.` };
}

function ownership({ claim }: ObservedDomain, state: ClaimState): Finding {
  if (state.standing === "Held")
    return { status: "True", reason: "RecordSeen", message: `This claim holds ${claim.domain}.` };
  if (state.standing === "Taken" && state.problems.some(({ reason }) => reason === "DomainTaken"))
    return { status: "False", reason: "DomainTaken", message: "The domain is held by another SendingDomain." };
  if (state.standing === "Unreadable")
    return { status: "Unknown", reason: "ContractUnreadable", message: "The contract of the domain cannot be read." };
  const message = "Publish a DKIM record of this claim: seeing one proves that the domain is yours.";
  return { status: "False", reason: "RecordNotSeen", message };
}

function dkim(state: ClaimState): Finding {
  const active = state.entries.some((entry) => isLiving(entry) && entry.activatedAt !== undefined);
  if (active && state.standing === "Held" && state.signing.length === 0) {
    const message =
      "DNS shows no Active RSA2048 key of the domain: mail is accepted and waits. Publish the DKIM records again.";
    return { status: "False", reason: "NoVisibleKey", message };
  }
  const found = verified(state.records, "DKIM");
  return found.status === "True" ? { ...found, message: `${found.message}${waitSentence(state)}` } : found;
}

/** Why keys do not sign although their records are right; empty when none waits. */
function waitSentence(state: ClaimState): string {
  if (state.standing === "Taken" || state.waiting.size === 0) return "";
  const longest = Math.max(...[...state.waiting.values()].map(({ requiredDelay }) => requiredDelay));
  return ` A key that does not sign yet waits until its record has been visible for ${formatDuration(longest)}.`;
}

function verified(records: readonly ReportedRecord[], purpose: ReportedRecord["purpose"]): Finding {
  const mine = onWhichHangs(records, purpose);
  const bad = mine.find(({ verdict }) => verdict !== "Valid" && verdict !== "Unknown");
  if (bad) return { status: "False", reason: `Record${bad.verdict}`, message: `${bad.fqdn}: ${bad.explanation}` };
  const open = mine.find(({ verdict }) => verdict === "Unknown");
  if (open) return { status: "Unknown", reason: "RecordUnknown", message: `${open.fqdn}: ${open.explanation}` };
  if (mine.length === 0) return { status: "Unknown", reason: "KeysMissing", message: "There is no key yet." };
  return { status: "True", reason: "RecordValid", message: "What DNS shows is right." };
}

/** Nothing hangs on the record of a key that signs no more, unless it must be revoked. */
function onWhichHangs(
  records: readonly ReportedRecord[],
  purpose: ReportedRecord["purpose"],
): readonly ReportedRecord[] {
  return records.filter((record) => record.purpose === purpose && record.state !== "Retired");
}

function all(findings: readonly Finding[]): Finding {
  const worst =
    findings.find(({ status }) => status === "False") ?? findings.find(({ status }) => status === "Unknown");
  return worst ?? { status: "True", reason: "RecordsValid", message: "DKIM, SPF and DMARC are verified." };
}

function standing(
  status: SendingDomainStatus | undefined,
  types: readonly string[],
): Readonly<Record<string, Finding>> {
  const conditions = (status?.conditions ?? []).filter(({ type }) => types.includes(type));
  return Object.fromEntries(conditions.map((each) => [each.type, each]));
}
