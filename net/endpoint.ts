import { isIP } from "node:net";

/** An address and a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/**
 * Reads `192.0.2.1:53`, `[2001:db8::1]:53`, or an address alone, which gets the default port.
 * Throws a RangeError for anything else: host names are not taken.
 */
export function parseEndpoint(text: string, defaultPort: number): Endpoint {
  const match = /^\[([0-9a-f:.]+)\](?::([0-9]{1,5}))?$/i.exec(text) ?? /^([0-9.]+)(?::([0-9]{1,5}))?$/.exec(text);
  const address = match?.[1] ?? text;
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (isIP(address) === 0 || address.includes("%") || port < 1 || port > 65535)
    throw new RangeError(
      `not an address and port: ${JSON.stringify(text)}; write it like 192.0.2.1:53 or [2001:db8::1]:53`,
    );
  return { address, port };
}

/** An endpoint as text; an IPv6 address stands in brackets. */
export function endpointText({ address, port }: Endpoint): string {
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
