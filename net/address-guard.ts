import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Why an address must not be connected to, in a word. */
export type Refusal =
  | "NotAnAddress"
  | "Unspecified"
  | "Loopback"
  | "Private"
  | "LinkLocal"
  | "SharedNAT"
  | "Multicast"
  | "Broadcast"
  | "Documentation"
  | "Benchmarking"
  | "Reserved"
  | "UniqueLocal"
  | "EmbedsIPv4";

/** Says why an address must not be connected to, or undefined when it may. */
export type AddressGuard = (address: string) => Refusal | undefined;

/** Reads a CIDR block. Throws a RangeError for anything else. */
function parseNetwork(text: string): [Address, number] {
  const [address = "", prefix = "", ...rest] = text.split("/");
  const length = isIP(address) === 4 ? 32 : 128;
  if (isIP(address) === 0 || rest.length > 0 || !/^[0-9]{1,3}$/.test(prefix) || Number(prefix) > length)
    throw new RangeError(`not a network: ${JSON.stringify(text)}; write it like 10.0.0.0/8 or fd00::/8`);
  return [ipaddr.parse(address), Number(prefix)];
}

function isIn(address: Address, [network, prefix]: [Address, number]): boolean {
  return address.kind() === network.kind() && address.match(network, prefix);
}

const documentation4 = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"].map(parseNetwork);
const documentation6 = ["2001:db8::/32", "3fff::/20"].map(parseNetwork);
const benchmarking4 = parseNetwork("198.18.0.0/15");
/** All that is assigned as global unicast (RFC 4291 §2.4); whatever lies outside is special or not assigned. */
const globalUnicast6 = parseNetwork("2000::/3");

/** What the ranges that the address library knows are called here. `unicast` is missing: it is allowed. */
const rangeRefusals: Readonly<Record<string, Refusal>> = {
  unspecified: "Unspecified",
  loopback: "Loopback",
  private: "Private",
  linkLocal: "LinkLocal",
  carrierGradeNat: "SharedNAT",
  multicast: "Multicast",
  broadcast: "Broadcast",
  uniqueLocal: "UniqueLocal",
  benchmarking: "Benchmarking",
};

function refuseIPv4(address: ipaddr.IPv4): Refusal | undefined {
  if (documentation4.some((network) => isIn(address, network))) return "Documentation";
  if (isIn(address, benchmarking4)) return "Benchmarking";
  const range = address.range();
  return range === "unicast" ? undefined : (rangeRefusals[range] ?? "Reserved");
}

function refuseIPv6(address: ipaddr.IPv6): Refusal | undefined {
  if (documentation6.some((network) => isIn(address, network))) return "Documentation";
  const range = address.range();
  if (range !== "unicast") return rangeRefusals[range] ?? "Reserved";
  return isIn(address, globalUnicast6) ? undefined : "Reserved";
}

/** A form of IPv6 address that carries IPv4 addresses: its network, and where they stand. */
interface Carrier {
  readonly network: [Address, number];
  /** The octets of each IPv4 address in it. */
  readonly embedded: (octets: readonly number[]) => readonly (readonly number[])[];
}

const lastFour = (octets: readonly number[]): readonly (readonly number[])[] => [octets.slice(12)];

const carriers: readonly Carrier[] = [
  // IPv4-mapped (RFC 4291 §2.5.5.2), IPv4-compatible (§2.5.5.1), IPv4-translated (RFC 2765).
  { network: parseNetwork("::ffff:0:0/96"), embedded: lastFour },
  { network: parseNetwork("::/96"), embedded: lastFour },
  { network: parseNetwork("::ffff:0:0:0/96"), embedded: lastFour },
  // NAT64 (RFC 6052), and its local prefix (RFC 8215), which carries them at /48 or, below it, at /96.
  { network: parseNetwork("64:ff9b::/96"), embedded: lastFour },
  {
    network: parseNetwork("64:ff9b:1::/48"),
    embedded: (octets) => [octets.slice(12), [...octets.slice(6, 8), ...octets.slice(9, 11)]],
  },
  // 6to4 (RFC 3056), Teredo (RFC 4380: the server, and the client's address inverted).
  { network: parseNetwork("2002::/16"), embedded: (octets) => [octets.slice(2, 6)] },
  {
    network: parseNetwork("2001::/32"),
    embedded: (octets) => [octets.slice(4, 8), octets.slice(12).map((octet) => octet ^ 255)],
  },
];

/** ISATAP (RFC 5214 §6.1): an interface identifier that carries an IPv4 address, under any prefix. */
function isatapAddress(octets: readonly number[]): readonly (readonly number[])[] {
  const isIsatap = ((octets[8] ?? 0) & 0xfc) === 0 && octets[9] === 0 && octets[10] === 0x5e && octets[11] === 0xfe;
  return isIsatap ? lastFour(octets) : [];
}

/**
 * A guard against connecting where mail has no business: names in DNS are foreign input, and must not lead into the
 * cluster, to its metadata service or to the machine itself. Public addresses pass, and those in `allowNetworks`. A form
 * that carries an IPv4 address passes only when its own network is named, and the address in it passes as well.
 * Throws a RangeError when a network cannot be read.
 */
export function addressGuard(allowNetworks: readonly string[]): AddressGuard {
  const allowed = allowNetworks.map(parseNetwork);
  const isNamed = (address: Address): boolean => allowed.some((network) => isIn(address, network));

  const judge4 = (address: ipaddr.IPv4): Refusal | undefined => (isNamed(address) ? undefined : refuseIPv4(address));
  const judge6 = (address: ipaddr.IPv6): Refusal | undefined => {
    const own = isNamed(address) ? undefined : refuseIPv6(address);
    const octets = address.toByteArray();
    // `::` and `::1` lie in the network of IPv4-compatible addresses, but are none.
    const isPlain = ["unspecified", "loopback"].includes(address.range());
    const carrier = isPlain ? undefined : carriers.find(({ network }) => isIn(address, network));
    const embedded = carrier?.embedded(octets) ?? isatapAddress(octets);
    if (embedded.length === 0) return own;
    if (carrier !== undefined && !isNamed(address)) return "EmbedsIPv4";
    const inner = embedded.map((four) => judge4(new ipaddr.IPv4([...four])));
    return own ?? inner.find((refusal) => refusal !== undefined);
  };

  return (text) => {
    // Node reads neither octal nor shortened forms; a zone belongs to an interface of this machine.
    if (isIP(text) === 0 || text.includes("%")) return "NotAnAddress";
    const address = ipaddr.parse(text);
    return address instanceof ipaddr.IPv4 ? judge4(address) : judge6(address);
  };
}
