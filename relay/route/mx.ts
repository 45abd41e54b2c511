import { isHostName } from "../../net/domain-name.ts";
import type { Answer, MxRecord } from "../../net/resolver.ts";
import type { Failure } from "../attempt/result.ts";

/** Chance, passed in: a number from 0 up to, not including, 1. */
export type Random = () => number;

/** The hosts of one domain that are looked up at most: a hostile zone must not cost more. */
export const mostHosts = 8;

/** Where the mail of a domain goes: to these hosts in this order, or nowhere. */
export type MxPlan =
  | { readonly kind: "Hosts"; readonly hosts: readonly string[] }
  | { readonly kind: "Nowhere"; readonly failure: Failure };

/** A permutation of `list`, all equally likely (Fisher and Yates). */
export function shuffle<T>(list: readonly T[], random: Random): readonly T[] {
  const rest = [...list];
  const shuffled: T[] = [];
  while (rest.length > 0) shuffled.push(...rest.splice(Math.floor(random() * rest.length), 1));
  return shuffled;
}

/** Sorted by rank, lowest first; equals are shuffled, so that load spreads over them (RFC 5321 §5.1). */
export function byRank<T>(list: readonly T[], rank: (item: T) => number, random: Random): readonly T[] {
  return shuffle(list, random).toSorted((a, b) => rank(a) - rank(b));
}

const nowhere = (failure: Failure): MxPlan => ({ kind: "Nowhere", failure });

/** The name does not exist: no later answer is worth waiting for. */
export function unknownDomain(domain: string): Failure {
  return { kind: "Permanent", class: "UnknownDomain", enhanced: "5.1.2", text: `the domain ${domain} does not exist` };
}

/** The DNS gave no answer: it may give one later. */
export function dnsFailed(name: string, reason: string): Failure {
  return { kind: "Temporary", class: "DNSFailed", enhanced: "4.4.3", text: `looking up ${name} failed: ${reason}` };
}

function hostsOf(domain: string, records: readonly MxRecord[], random: Random): MxPlan {
  const isNull = records.every(({ exchange }) => exchange === "");
  if (isNull) {
    const text = `the domain ${domain} accepts no mail (null MX)`;
    return nowhere({ kind: "Permanent", class: "NoMailAccepted", enhanced: "5.1.10", text });
  }
  // A null MX beside others is against RFC 7505 §3; it, and what cannot be a host, is passed over.
  const usable = records.filter(({ exchange }) => isHostName(exchange));
  const hosts = [...new Set(byRank(usable, ({ preference }) => preference, random).map(({ exchange }) => exchange))];
  if (hosts.length > 0) return { kind: "Hosts", hosts: hosts.slice(0, mostHosts) };
  const text = `no MX record of ${domain} names a host`;
  return nowhere({ kind: "Permanent", class: "NoRoute", enhanced: "5.4.4", text });
}

/**
 * Reads the answer to the MX question of a recipient's domain (RFC 5321 §5.1): hosts by preference, equals shuffled;
 * without MX records the domain itself is the host; a null MX (RFC 7505) and a domain that does not exist are permanent.
 */
export function planMx(domain: string, answer: Answer<"MX">, random: Random): MxPlan {
  if (answer.kind === "Records") return hostsOf(domain, answer.values, random);
  if (answer.kind === "NoData") return { kind: "Hosts", hosts: [domain] };
  if (answer.kind === "Failed") return nowhere(dnsFailed(domain, answer.reason));
  return nowhere(unknownDomain(domain));
}
