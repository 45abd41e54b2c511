import type { AddressGuard } from "../../net/address-guard.ts";
import type { Answer } from "../../net/resolver.ts";
import type { Failure } from "../attempt/result.ts";
import { dnsFailed } from "./mx.ts";

/** Addresses of one host that are tried at most, and of all hosts together. */
export const mostAddresses = 4;
export const mostHops = 12;

/** What the DNS says of the addresses of one host. */
export interface HostAddresses {
  readonly host: string;
  readonly a: Answer<"A">;
  readonly aaaa: Answer<"AAAA">;
}

/** Addresses to connect to, in order, or why there are none. */
export type Vetted =
  | { readonly kind: "Addresses"; readonly addresses: readonly { readonly host: string; readonly address: string }[] }
  | { readonly kind: "None"; readonly failure: Failure };

function valuesOf(answer: Answer<"A"> | Answer<"AAAA">): readonly string[] {
  return answer.kind === "Records" ? answer.values : [];
}

/**
 * Keeps the addresses that the guard lets pass, those of each host in the order of the hosts. IPv4 goes first: receivers ask
 * more of IPv6 senders, and many clusters have no way out over it. No address at all is temporary while an answer is
 * missing. Otherwise it is permanent: neither hosts that do not exist nor addresses that must not be connected to get better
 * by waiting, and whoever sent the message learns it now instead of in three days.
 */
export function vetAddresses(domain: string, hosts: readonly HostAddresses[], guard: AddressGuard): Vetted {
  const found = hosts.map(({ host, a, aaaa }) => ({ host, addresses: [...valuesOf(a), ...valuesOf(aaaa)] }));
  const passed = found.flatMap(({ host, addresses }) =>
    addresses
      .filter((address) => guard(address) === undefined)
      .slice(0, mostAddresses)
      .map((address) => ({ host, address })),
  );
  if (passed.length > 0) return { kind: "Addresses", addresses: passed.slice(0, mostHops) };
  return { kind: "None", failure: whyNone(domain, hosts, guard) };
}

function whyNone(domain: string, hosts: readonly HostAddresses[], guard: AddressGuard): Failure {
  for (const { host, a, aaaa } of hosts)
    for (const answer of [a, aaaa]) if (answer.kind === "Failed") return dnsFailed(host, answer.reason);
  for (const { host, a, aaaa } of hosts) {
    const [address] = [...valuesOf(a), ...valuesOf(aaaa)];
    if (address === undefined) continue;
    const text = `${host} has the address ${address}, which is not connected to (${guard(address) ?? "refused"})`;
    return { kind: "Permanent", class: "AddressRefused", enhanced: "5.4.4", text };
  }
  const text = `no mail server of ${domain} has an address`;
  return { kind: "Permanent", class: "NoRoute", enhanced: "5.4.4", text };
}
