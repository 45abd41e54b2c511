import ipaddr from "ipaddr.js";

/**
 * Whether an address lies in one of the CIDR blocks; an empty list allows all. An IPv4 address in its IPv6-mapped form
 * (`::ffff:10.0.0.1`) is that IPv4 address, in blocks too. What cannot be parsed matches nothing.
 */
export function isAllowedSource(address: string, blocks: readonly string[]): boolean {
  if (blocks.length === 0) return true;
  if (!ipaddr.isValid(address)) return false;
  const client = ipaddr.process(address);
  return blocks.some((block) => contains(block, client));
}

function contains(block: string, client: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (!ipaddr.isValidCIDR(block)) return false;
  const [network, bits] = ipaddr.parseCIDR(block);
  if (network instanceof ipaddr.IPv4) return client instanceof ipaddr.IPv4 && client.match(network, bits);
  if (client instanceof ipaddr.IPv6) return client.match(network, bits);
  return network.isIPv4MappedAddress() && bits >= 96 && client.match(network.toIPv4Address(), bits - 96);
}
