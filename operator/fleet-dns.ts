import ipaddr from "ipaddr.js";
import type { FleetFinding, FleetLookUp } from "./fleet-finding.ts";
import { judgeShared, type SharedClaim } from "./fleet-shared-domain.ts";
import { isSpf, parseTerms } from "./sending-domain/spf-terms.ts";
import { limitFaults } from "./sending-domain/spf-record.ts";
import { mostLookUps, walkSpf } from "./sending-domain/spf-walk.ts";

/** What the fleet calls itself in DNS. */
export interface FleetNames {
  /** The name of its EHLO. */
  readonly hostname: string;
  /** The name whose SPF record lists its addresses. */
  readonly include: string;
  /** The domain that tenants without own domains send below, if there is one. */
  readonly shared?: SharedClaim;
}

/** As many addresses as are looked at one by one. */
const mostAddresses = 64;
/** As many names of one address. */
const mostNames = 5;

/**
 * Judges the fleet's own DNS: its SPF name exists and is within the limits, its EHLO host name resolves, and each address
 * that it may send from has a name that points back to it and agrees with the EHLO host name (RFC 1912 §2.1); and the
 * shared domain has its DKIM and DMARC records. Pure: what `lookUp` does not know is to be asked, and then judged again.
 */
export function judgeFleet({ hostname, include, shared }: FleetNames, lookUp: FleetLookUp): readonly FleetFinding[] {
  const { finding, record } = judgeSpf(include, lookUp);
  const own = addressesOf(hostname, lookUp);
  const host: FleetFinding = found(
    `EHLO ${hostname}`,
    own.length === 0 ? `The host name resolves to no address: give ${hostname} an A or AAAA record.` : undefined,
    `The host name resolves to ${own.join(", ")}.`,
  );
  const { single, ranges } = record === undefined ? { single: [], ranges: [] } : sendersOf(record, include, lookUp);
  // A range does not say which of its addresses send; then at least those of the host name are looked at.
  const addresses = [...new Set(single.length > 0 ? single : own)].toSorted().slice(0, mostAddresses);
  const unseen: FleetFinding[] = ranges.map((range) => ({
    subject: `PTR ${range}`,
    verdict: "Valid",
    explanation: "A range is not looked at address by address.",
  }));
  const pointers = addresses.map((address) => judgeAddress(address, hostname, lookUp));
  return [finding, host, ...pointers, ...unseen, ...(shared ? judgeShared(shared, lookUp) : [])];
}

function found(subject: string, fault: string | undefined, right: string): FleetFinding {
  return { subject, verdict: fault === undefined ? "Valid" : "Wrong", explanation: fault ?? right };
}

function judgeSpf(include: string, lookUp: FleetLookUp): { readonly finding: FleetFinding; readonly record?: string } {
  const subject = `SPF ${include}`;
  const answer = lookUp(include, "TXT");
  if (answer?.kind === "Failed")
    return { finding: { subject, verdict: "Unknown", explanation: `DNS did not answer: ${answer.reason}.` } };
  const records = answer?.kind === "Records" ? answer.values.map((strings) => strings.join("")).filter(isSpf) : [];
  const [record, second] = records;
  const wanted = `"v=spf1 ip4:ADDRESS -all", with every address that the fleet sends from`;
  if (record === undefined)
    return { finding: found(subject, `There is no SPF record: publish a TXT record ${wanted}.`, "") };
  if (second !== undefined)
    return { finding: found(subject, `There are ${records.length} SPF records, so receivers use none.`, "") };
  const walk = walkSpf({ domain: include, record, include: "" }, lookUp);
  const faults = [...walk.faults, ...limitFaults(walk)];
  // Whoever includes the name spends one look-up on that alone.
  if (walk.lookUps === mostLookUps) faults.push(`It takes ${mostLookUps} look-ups: who includes it is over the limit.`);
  if (!parseTerms(record).some(({ kind }) => kind === "Address" || kind === "A" || kind === "MX" || kind === "Include"))
    faults.push(`It names no address: publish ${wanted}.`);
  const left = mostLookUps - 1 - walk.lookUps;
  const right = `The SPF record is sound and leaves ${left} look-ups to a domain that includes it.`;
  return { finding: found(subject, faults.length > 0 ? faults.join(" ") : undefined, right), record };
}

/** The addresses that a record names one by one or by a host's name, and the ranges. */
function sendersOf(
  record: string,
  domain: string,
  lookUp: FleetLookUp,
): { readonly single: readonly string[]; readonly ranges: readonly string[] } {
  const single: string[] = [];
  const ranges: string[] = [];
  for (const term of parseTerms(record)) {
    if (term.kind === "A") single.push(...addressesOf(term.name ?? domain, lookUp));
    if (term.kind !== "Address") continue;
    const [address = "", prefix] = term.network.split("/");
    if (!ipaddr.isValid(address)) continue;
    const whole = prefix === undefined || Number(prefix) === (address.includes(":") ? 128 : 32);
    if (whole) single.push(normal(address));
    else ranges.push(term.network);
  }
  return { single, ranges: ranges.slice(0, mostAddresses) };
}

function normal(address: string): string {
  return ipaddr.isValid(address) ? ipaddr.parse(address).toString() : address;
}

function addressesOf(name: string, lookUp: FleetLookUp): readonly string[] {
  const answers = [lookUp(name, "A"), lookUp(name, "AAAA")];
  return answers.flatMap((answer) => (answer?.kind === "Records" ? answer.values.map(normal) : []));
}

function judgeAddress(address: string, hostname: string, lookUp: FleetLookUp): FleetFinding {
  const subject = `PTR ${address}`;
  const answer = lookUp(reverseName(address), "PTR");
  if (answer?.kind === "Failed")
    return { subject, verdict: "Unknown", explanation: `DNS did not answer: ${answer.reason}.` };
  const names = answer?.kind === "Records" ? answer.values.slice(0, mostNames) : [];
  const confirmed = names.filter((name) => addressesOf(name, lookUp).includes(address));
  const agrees = confirmed.includes(hostname) || addressesOf(hostname, lookUp).includes(address);
  return found(
    subject,
    addressFault({ address, hostname, names, confirmed, agrees }),
    `${confirmed.join(", ")} points back.`,
  );
}

interface Named {
  readonly address: string;
  readonly hostname: string;
  readonly names: readonly string[];
  readonly confirmed: readonly string[];
  readonly agrees: boolean;
}

function addressFault({ address, hostname, names, confirmed, agrees }: Named): string | undefined {
  if (names.length === 0)
    return `The address has no name: have the owner of the network publish the PTR record ${hostname}.`;
  if (confirmed.length === 0)
    return `The address is called ${names.join(", ")}, which does not point back to it: publish A or AAAA ${address} there, or make the PTR record say ${hostname}.`;
  if (!agrees)
    return `The address is called ${confirmed.join(", ")}, and the relay says EHLO ${hostname}, which is neither that name nor at that address.`;
  return undefined;
}

/** The name of an address's PTR record (RFC 1035 §3.5, RFC 3596 §2.5). */
export function reverseName(address: string): string {
  const parsed = ipaddr.parse(address);
  if (parsed.kind() === "ipv4") return `${parsed.toString().split(".").toReversed().join(".")}.in-addr.arpa`;
  const hex = parsed.toByteArray().map((octet) => octet.toString(16).padStart(2, "0"));
  return `${hex.join("").split("").toReversed().join(".")}.ip6.arpa`;
}
