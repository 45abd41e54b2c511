import type { RecordStatus, SendingDomainSpec, SendingDomainStatus } from "../crds/sending-domain.ts";
import type { Answer } from "../net/resolver.ts";
import type { SharedDomain } from "./config.ts";
import type { FleetFinding, FleetLookUp } from "./fleet-finding.ts";
import { zoneLine } from "./hand-over/zone-file.ts";
import { compareDkim, type DkimKey } from "./sending-domain/dkim-record.ts";
import { compareDmarc, dmarcValue, type DmarcPolicy } from "./sending-domain/dmarc-record.ts";
import { dmarcName, dmarcTexts, inheritedPolicy } from "./sending-domain/dmarc-tree.ts";
import { parseTagList } from "./sending-domain/tag-list.ts";
import type { Comparison, ConclusiveAnswer } from "./sending-domain/verdict.ts";

/** The fleet's shared domain, and what the claim that is to hold it asks for. */
export interface SharedClaim extends SharedDomain {
  /** The SendingDomain in the fleet file's namespace; `None` when there is none, `Unseen` when nobody could look. */
  readonly claim: SharedObject | "None" | "Unseen";
}

/** What of a SendingDomain matters here. */
interface SharedObject {
  readonly spec: Pick<SendingDomainSpec, "dmarc">;
  readonly status: Pick<SendingDomainStatus, "dkim" | "records">;
}

/** What to hold a DMARC record against where no claim says what is wanted. */
const anyPolicy: DmarcPolicy = { policy: "None", testing: "Disabled" };

/** Judges the shared domain in live DNS: the record of each key that signs or will, and DMARC, which must take its signatures as aligned. */
export function judgeShared(shared: SharedClaim, lookUp: FleetLookUp): readonly FleetFinding[] {
  return [...judgeKeys(shared, lookUp), judgeDmarc(shared, lookUp)];
}

function judgeKeys({ domain, namespace, claim }: SharedClaim, lookUp: FleetLookUp): readonly FleetFinding[] {
  const subject = `DKIM ${domain}`;
  if (claim === "Unseen") {
    const explanation = "The operator alone knows its keys: name the folder of its `posthouse up` with --state.";
    return [{ subject, verdict: "Unknown", explanation }];
  }
  if (claim === "None") {
    const explanation = `No SendingDomain in the namespace ${namespace} claims it: apply one there, and publish its records.`;
    return [{ subject, verdict: "Wrong", explanation }];
  }
  const records = (claim.status.records ?? []).flatMap((record) => livingKey(record, claim.status) ?? []);
  if (records.length === 0)
    return [{ subject, verdict: "Wrong", explanation: "It has no DKIM key yet: see that `posthouse up` runs." }];
  return records.map(({ fqdn, key }) =>
    judge(`DKIM ${fqdn}`, lookUp(fqdn, "TXT"), (answer) => {
      const found = compareDkim(key, answer);
      return { ...found, explanation: withLine(found, fqdn) };
    }),
  );
}

/** The key of a reported DKIM record, unless it signs no more. */
function livingKey(
  { purpose, fqdn, value }: RecordStatus,
  { dkim }: Pick<SendingDomainStatus, "dkim">,
): { readonly fqdn: string; readonly key: DkimKey } | undefined {
  const known = dkim?.keys.find(({ selector }) => fqdn.startsWith(`${selector}._domainkey.`));
  const publicKey = parseTagList(value)?.get("p");
  if (purpose !== "DKIM" || known === undefined || publicKey === undefined || publicKey === "") return undefined;
  const { algorithm, state } = known;
  return state === "Retired" || state === "Revoked" ? undefined : { fqdn, key: { algorithm, publicKey } };
}

function judgeDmarc({ domain, claim }: SharedClaim, lookUp: FleetLookUp): FleetFinding {
  const fqdn = dmarcName(domain);
  const policy = typeof claim === "string" ? anyPolicy : claim.spec.dmarc;
  return judge(`DMARC ${fqdn}`, lookUp(fqdn, "TXT"), (answer) => {
    const found = compareDmarc(policy, answer, { domain, exists: true, lookUp });
    if (found.verdict !== "Valid" && found.verdict !== "Unknown")
      return { ...found, explanation: withLine(found, fqdn) };
    if (!asksStrictly(domain, answer, lookUp)) return found;
    const explanation =
      "The DMARC record asks for strict alignment (adkim=s), so the signatures of the shared domain do not count for mail of the names below it: take adkim=s away.";
    return { verdict: "Mismatch", value: dmarcValue(policy), explanation };
  });
}

/** Whether the record that counts wants `d=` to be the very domain of the From header field (RFC 9989 §4.7). */
function asksStrictly(domain: string, answer: ConclusiveAnswer, lookUp: FleetLookUp): boolean {
  const [own] = dmarcTexts(answer);
  const inherited = own === undefined ? inheritedPolicy(domain, true, lookUp) : undefined;
  const tags = own === undefined ? typeof inherited === "object" && inherited.record.tags : parseTagList(own);
  return tags !== false && tags?.get("adkim")?.toLowerCase() === "s";
}

function withLine({ verdict, explanation, value }: Comparison, fqdn: string): string {
  return verdict === "Valid" ? explanation : `${explanation} Publish ${zoneLine({ fqdn, type: "TXT", value })}`;
}

function judge(
  subject: string,
  answer: Answer<"TXT"> | undefined,
  compare: (answer: ConclusiveAnswer) => Comparison,
): FleetFinding {
  if (answer?.kind === "Failed")
    return { subject, verdict: "Unknown", explanation: `DNS did not answer: ${answer.reason}.` };
  const { verdict, explanation } = compare(answer ?? { kind: "NoData" });
  const shown = verdict === "Valid" || verdict === "Unknown" ? verdict : "Wrong";
  return { subject, verdict: shown, explanation };
}
