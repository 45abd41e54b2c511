import { isIP } from "node:net";
import type { AddressGuard } from "./address-guard.ts";
import { isDomainName } from "./domain-name.ts";
import { endpointText, type Endpoint } from "./endpoint.ts";
import type { Resolver } from "./resolver.ts";

/** The servers of a zone that somebody named, so that they need not be found: split horizon, or a zone on loopback. */
export interface Authority {
  /** Lower case, no trailing dot; it speaks for every name below that no longer zone of the list is above of. */
  readonly zone: string;
  readonly servers: readonly Endpoint[];
}

/** A server of a zone: where it is, or why it is not asked. */
export interface ZoneServer {
  /** For people: `ns1.example.net (192.0.2.1)`. */
  readonly server: string;
  /** Its name alone; absent when it was named by its address. */
  readonly host?: string;
  readonly at: Endpoint | { readonly reason: string };
}

/** The zone that a name lies in, and its servers, sorted. `Failed`: it could not be found out. */
export type ZoneCut =
  | { readonly kind: "Zone"; readonly zone: string; readonly servers: readonly ZoneServer[] }
  | { readonly kind: "Failed"; readonly reason: string };

export interface ZoneCutOptions {
  /** A recursive resolver; one with a cache spares it the same questions. */
  readonly resolver: Resolver;
  readonly guard: AddressGuard;
  readonly authorities: readonly Authority[];
  /** Where servers listen whose addresses were found. */
  readonly port: number;
}

/** Servers of a zone that are asked at most, the first by name. The root has 13. */
const mostServers = 13;
/** Addresses of one server that are asked at most, IPv4 first. */
const mostAddresses = 2;

/** Finds the zone of a name: the nearest name above it, itself included, that has name servers. */
export async function findZone(options: ZoneCutOptions, name: string, signal?: AbortSignal): Promise<ZoneCut> {
  const authority = authorityOf(options.authorities, name);
  if (authority) return { kind: "Zone", zone: authority.zone, servers: authority.servers.map(namedServer) };
  for (let zone = name; zone !== ""; zone = parentOf(zone)) {
    const answer = await options.resolver.resolve(zone, "NS", signal);
    if (answer.kind === "Failed") return { kind: "Failed", reason: `name servers of ${zone}: ${answer.reason}` };
    if (answer.kind !== "Records" || (await isAlias(options.resolver, zone, signal))) continue;
    const hosts = [...new Set(answer.values)].toSorted().slice(0, mostServers);
    const found = await Promise.all(hosts.map((host) => serversAt(options, host, signal)));
    return { kind: "Zone", zone, servers: distinct(found.flat()) };
  }
  return { kind: "Failed", reason: "no name above it has name servers" };
}

/** The longest zone of the list that a name lies in. */
function authorityOf(authorities: readonly Authority[], name: string): Authority | undefined {
  return authorities
    .filter(({ zone }) => name === zone || name.endsWith(`.${zone}`))
    .toSorted((a, b) => b.zone.length - a.zone.length)[0];
}

function namedServer(at: Endpoint): ZoneServer {
  return { server: endpointText(at), at };
}

function parentOf(name: string): string {
  const dot = name.indexOf(".");
  return dot < 0 ? "" : name.slice(dot + 1);
}

/** An alias is never the top of a zone (RFC 1034 §3.6.2): its name servers are those of the name that it stands for. */
async function isAlias(resolver: Resolver, name: string, signal?: AbortSignal): Promise<boolean> {
  const answer = await resolver.resolve(name, "CNAME", signal);
  return answer.kind === "Records";
}

/** The addresses of a name server; each is vetted, because whoever runs the zone chose it. */
async function serversAt(options: ZoneCutOptions, host: string, signal?: AbortSignal): Promise<readonly ZoneServer[]> {
  const server = presentableHost(host);
  if (!isDomainName(host)) return [{ server, host, at: { reason: "not a host name" } }];
  const [four, six] = await Promise.all([
    options.resolver.resolve(host, "A", signal),
    options.resolver.resolve(host, "AAAA", signal),
  ]);
  const addresses = [four, six].flatMap((answer) => (answer.kind === "Records" ? answer.values.toSorted() : []));
  if (addresses.length === 0) {
    const failure = four.kind === "Failed" ? four : six;
    return [{ server, host, at: { reason: failure.kind === "Failed" ? failure.reason : "it has no address" } }];
  }
  return [...new Set(addresses)].slice(0, mostAddresses).map((address) => {
    const refusal = isIP(address) === 0 ? "NotAnAddress" : options.guard(address);
    const at = refusal ? { reason: `its address must not be asked: ${refusal}` } : { address, port: options.port };
    return { server: `${server} (${address})`, host, at };
  });
}

/** A host name as a report may show it: it is hostile. */
function presentableHost(host: string): string {
  return isDomainName(host) ? host : JSON.stringify(host.slice(0, 64));
}

/** Two name servers at one address are one server. */
function distinct(servers: readonly ZoneServer[]): readonly ZoneServer[] {
  const seen = new Set<string>();
  return servers.filter(({ at }) => {
    if ("reason" in at) return true;
    const key = endpointText(at);
    return !seen.has(key) && seen.add(key);
  });
}
