import { isDomainName } from "../../net/domain-name.ts";
import { dmarcTexts, organisationalDomain } from "./dmarc-tree.ts";
import type { LookUp } from "./look-up.ts";
import { presentable, joinedRecords, type Comparison, type ConclusiveAnswer } from "./verdict.ts";

/** Who must say that it takes a domain's DMARC reports, and where. */
export interface ReportReceiver {
  /** The domain of the address that reports go to. */
  readonly host: string;
  /** Where it says so (RFC 9990 §4). */
  readonly fqdn: string;
}

/**
 * The domains that `rua` addresses lie in and that belong to another organisation than the domain: without their word,
 * receivers send them nothing. Sorted, each once.
 */
export function foreignReceivers(domain: string, rua: readonly string[], lookUp: LookUp): readonly ReportReceiver[] {
  const hosts = rua.map((uri) =>
    uri
      .slice(uri.lastIndexOf("@") + 1)
      .toLowerCase()
      .replace(/\.$/, ""),
  );
  const foreign = [...new Set(hosts)].filter((host) => isDomainName(host) && isForeign(domain, host, lookUp));
  return foreign
    .toSorted()
    .map((host) => ({ host, fqdn: `${domain}._report._dmarc.${host}` }))
    .filter(({ fqdn }) => isDomainName(fqdn));
}

function isForeign(domain: string, host: string, lookUp: LookUp): boolean {
  return host !== domain && organisationalDomain(host, lookUp) !== organisationalDomain(domain, lookUp);
}

const value = "v=DMARC1";

/** Compares what stands where a receiver of reports says that it takes them. */
export function compareAuthorisation(domain: string, host: string, answer: ConclusiveAnswer): Comparison {
  if (dmarcTexts(answer).length > 0)
    return { verdict: "Valid", value, explanation: `${host} takes the DMARC reports of ${domain}.` };
  const explanation = `${host} does not say that it takes the DMARC reports of ${domain}, so that nobody sends them there: have its owner publish the record.`;
  const found = joinedRecords(answer);
  if (found.length === 0) return { verdict: "Missing", value, explanation };
  return { verdict: "Mismatch", value, observed: presentable(found), explanation };
}
