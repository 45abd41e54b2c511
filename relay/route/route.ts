import { isIP } from "node:net";
import { smarthostPorts } from "../../contract/smarthost-secret.ts";
import type { ContractDelivery, ContractSmarthost } from "../../contract/tenant-contract.ts";
import type { AddressGuard } from "../../net/address-guard.ts";
import { isDomainName } from "../../net/domain-name.ts";
import type { Answer, Resolver } from "../../net/resolver.ts";
import type { Failure } from "../attempt/result.ts";
import type { Hop } from "./hop.ts";
import { byRank, planMx, unknownDomain, type Random } from "./mx.ts";
import { directTls, smarthostTls } from "./tls-policy.ts";
import { mostHops, vetAddresses, type HostAddresses } from "./vet.ts";

/** Where a delivery goes: to the first of these hops that takes it, or nowhere. */
export type Route =
  | { readonly kind: "Hops"; readonly hops: readonly Hop[] }
  | { readonly kind: "Nowhere"; readonly failure: Failure };

/** What finding a route needs. */
export interface RouteParts {
  readonly resolver: Resolver;
  readonly guard: AddressGuard;
  readonly random: Random;
  /** TCP port of direct hops. */
  readonly port: number;
}

/** Finds the hops for the recipients at `domain`, as the tenant's contract wants them. Never rejects. */
export function findRoute(
  domain: string,
  delivery: ContractDelivery,
  parts: RouteParts,
  signal?: AbortSignal,
): Promise<Route> {
  return delivery.route === "Direct"
    ? directRoute(domain, delivery, parts, signal)
    : smarthostRoute(delivery, parts, signal);
}

async function directRoute(
  domain: string,
  delivery: ContractDelivery,
  parts: RouteParts,
  signal?: AbortSignal,
): Promise<Route> {
  if (!isDomainName(domain)) return { kind: "Nowhere", failure: unknownDomain(domain) };
  const plan = planMx(domain, await parts.resolver.resolve(domain, "MX", signal), parts.random);
  if (plan.kind === "Nowhere") return plan;
  const hosts = await Promise.all(plan.hosts.map((host) => lookUp(host, parts.resolver, signal)));
  const vetted = vetAddresses(domain, hosts, parts.guard);
  if (vetted.kind === "None") return { kind: "Nowhere", failure: vetted.failure };
  const tls = directTls(delivery.tlsPolicy);
  return {
    kind: "Hops",
    hops: vetted.addresses.map(({ host, address }) => ({ host, address, port: parts.port, tls })),
  };
}

/**
 * Smarthosts by priority. What is wrong with one is the tenant's or the fleet's mistake, never the recipient's: it is
 * temporary, and mended by editing a manifest while the mail waits.
 */
async function smarthostRoute(delivery: ContractDelivery, parts: RouteParts, signal?: AbortSignal): Promise<Route> {
  const smarthosts = byRank(delivery.smarthosts, ({ priority }) => priority, parts.random);
  const found = await Promise.all(smarthosts.map((smarthost) => lookUp(smarthost.host, parts.resolver, signal)));
  const hops: Hop[] = [];
  let failure: Failure | undefined;
  for (const [i, smarthost] of smarthosts.entries()) {
    const withheld = whyWithheld(smarthost);
    const vetted = vetAddresses(smarthost.host, found.slice(i, i + 1), parts.guard);
    if (withheld !== undefined) failure ??= withheld;
    else if (vetted.kind === "None") failure ??= vetted.failure;
    else hops.push(...vetted.addresses.map((hop) => smarthostHop(smarthost, hop.address, delivery)));
  }
  if (hops.length > 0) return { kind: "Hops", hops: hops.slice(0, mostHops) };
  return { kind: "Nowhere", failure: asTemporary(failure) };
}

function smarthostHop(smarthost: ContractSmarthost, address: string, { tlsPolicy }: ContractDelivery): Hop {
  const { host, port, credential } = smarthost;
  const login = credential?.kind === "Secret" ? { login: credential.secretName } : {};
  return { host, address, port, tls: smarthostTls(tlsPolicy, smarthost), ...login };
}

/** Why a smarthost that asks for credentials is not connected to: mail waits before it goes without them. */
function whyWithheld({ name, port, credential }: ContractSmarthost): Failure | undefined {
  if (credential === undefined) return undefined;
  if (credential.kind === "Withheld")
    return credentialsMissing(`the smarthost ${name} has no credentials now (${credential.reason})`);
  if (smarthostPorts.includes(port)) return undefined;
  return credentialsMissing(`credentials for the smarthost ${name} are not sent to port ${port}`);
}

function credentialsMissing(text: string): Failure {
  return { kind: "Temporary", class: "CredentialsMissing", enhanced: "4.7.0", text };
}

function asTemporary(failure: Failure | undefined): Failure {
  if (failure === undefined)
    return { kind: "Temporary", class: "NoRoute", enhanced: "4.4.4", text: "no smarthost is configured" };
  return { ...failure, kind: "Temporary", enhanced: failure.enhanced.replace(/^5/, "4") };
}

/** The addresses of a host; one that is written as an address is its own answer. */
async function lookUp(host: string, resolver: Resolver, signal?: AbortSignal): Promise<HostAddresses> {
  const none: Answer<"A"> & Answer<"AAAA"> = { kind: "NoData" };
  const own: Answer<"A"> & Answer<"AAAA"> = { kind: "Records", values: [host], ttl: 0 };
  if (isIP(host) === 4) return { host, a: own, aaaa: none };
  if (isIP(host) === 6) return { host, a: none, aaaa: own };
  const [a, aaaa] = await Promise.all([resolver.resolve(host, "A", signal), resolver.resolve(host, "AAAA", signal)]);
  return { host, a, aaaa };
}
