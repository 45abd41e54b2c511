import { isIPv4 } from "node:net";
import ipaddr from "ipaddr.js";
import type { Rate, RateLimit } from "../../contract/rates.ts";
import type { Login } from "../directory.ts";

/** Whose limit a rate limit is. */
export type RateKind = "Tenant" | "Environment" | "Credential" | "Address";

/**
 * The rate limits that hold for a message of a login, all at once: what the contract says of tenant, environment and
 * credential, and `perAddress` for the client's address. A credential keeps its name when its key is rotated, so that
 * the old and the new key share one limit.
 */
export function rateLimitsOf(
  { tenantKey, tenant, environment, credential }: Login,
  client: string,
  perAddress: Rate | undefined,
): readonly RateLimit[] {
  const environmentKey = `${tenantKey}/${environment.name}`;
  return [
    ...limit(`tenant/${tenantKey}`, tenant.rates?.tenant),
    ...limit(`environment/${environmentKey}`, environment.rate),
    ...limit(`credential/${environmentKey}/${credential.name}`, tenant.rates?.credential),
    ...(perAddress === undefined ? [] : limit(`address/${addressBlock(client)}`, perAddress)),
  ];
}

/** Whose limit a key of {@link rateLimitsOf} names. */
export function rateKind(key: string): RateKind {
  if (key.startsWith("tenant/")) return "Tenant";
  if (key.startsWith("environment/")) return "Environment";
  return key.startsWith("credential/") ? "Credential" : "Address";
}

/** What counts as one client: an IPv4 address, in its IPv6-mapped form too, or an IPv6 network of 64 bits, which one host can use freely. */
export function addressBlock(address: string): string {
  if (isIPv4(address) || !ipaddr.isValid(address)) return address;
  const client = ipaddr.process(address);
  if (client instanceof ipaddr.IPv4) return client.toString();
  return `${new ipaddr.IPv6([...client.parts.slice(0, 4), 0, 0, 0, 0]).toString()}/64`;
}

function limit(key: string, rate: Rate | undefined): readonly RateLimit[] {
  const { perSecond, perDay } = rate ?? {};
  if (perSecond === undefined && perDay === undefined) return [];
  return [{ key, ...(perSecond !== undefined && { perSecond }), ...(perDay !== undefined && { perDay }) }];
}
