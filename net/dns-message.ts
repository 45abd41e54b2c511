import dnsPacket from "dns-packet";
import type { RecordType } from "./resolver.ts";

/** What a resolver says it takes over UDP without fragments (RFC 9715). */
const udpPayloadSize = 1232;
const headerLength = 12;
/** Octets of chance for an id and the case of the longest name. */
export const octetsOfChance = 34;

/** One question, ready to be sent. */
export interface Query {
  readonly id: number;
  /** The name as it stands in the packet, its letters in random case. */
  readonly name: string;
  readonly type: RecordType;
  readonly packet: Buffer;
}

/** A name with the case of each letter chosen by a bit of `random`: a forger must guess it too (0x20). */
export function randomiseCase(name: string, random: Uint8Array): string {
  return name
    .split("")
    .map((char, i) => (((random[i >> 3] ?? 0) >> (i & 7)) & 1 ? char.toUpperCase() : char.toLowerCase()))
    .join("");
}

/**
 * A query with EDNS0. `random` holds {@link octetsOfChance}: two for the id, the rest for the case of the name, which
 * must be a domain name. An authoritative server is asked with `recursion` false.
 */
export function encodeQuery(name: string, type: RecordType, random: Uint8Array, recursion = true): Query {
  const id = ((random[0] ?? 0) << 8) | (random[1] ?? 0);
  const spelled = randomiseCase(name, random.subarray(2));
  const packet = dnsPacket.encode({
    type: "query",
    id,
    flags: recursion ? dnsPacket.RECURSION_DESIRED : 0,
    questions: [{ type, name: spelled, class: "IN" }],
    additionals: [
      {
        type: "OPT",
        name: ".",
        udpPayloadSize,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  });
  return { id, name: spelled, type, packet };
}

/** How a packet relates to a query: its answer, or the reason why it cannot be. */
export type Match = "Answer" | "Truncated" | "WrongId" | "WrongQuestion" | "NotAResponse";

/**
 * Whether `packet` answers `query`. The question must come back octet by octet, in the same case; with `anyCase`
 * (over TCP, where nobody can forge blindly) letters may differ in case.
 */
export function matchQuery(query: Query, packet: Buffer, anyCase = false): Match {
  if (packet.length < headerLength) return "NotAResponse";
  if (packet.readUInt16BE(0) !== query.id) return "WrongId";
  const flags = packet.readUInt16BE(2);
  const isResponse = (flags & 0x8000) !== 0 && (flags & 0x7800) === 0;
  if (!isResponse) return "NotAResponse";
  if (packet.readUInt16BE(4) !== 1) return "WrongQuestion";
  const length = query.name.length + 2 + 4;
  const asked = query.packet.subarray(headerLength, headerLength + length);
  const echoed = packet.subarray(headerLength, headerLength + length);
  const isSame = anyCase
    ? asked.toString("latin1").toLowerCase() === echoed.toString("latin1").toLowerCase()
    : asked.equals(echoed);
  if (!isSame) return "WrongQuestion";
  return (flags & 0x0200) === 0 ? "Answer" : "Truncated";
}

/** Where the name at `offset` ends, or -1 when it runs over the end. Pointers are not followed. */
function endOfName(packet: Buffer, offset: number): number {
  for (let at = offset; at < packet.length;) {
    const length = packet[at] ?? 0;
    if (length === 0) return at + 1;
    if ((length & 0xc0) === 0xc0) return at + 2;
    if ((length & 0xc0) !== 0) return -1;
    at += length + 1;
  }
  return -1;
}

/** Whether the sections that the header counts fill the packet to its last octet, so that no field reads past its end. */
function isWellFramed(packet: Buffer): boolean {
  let at = headerLength;
  for (let i = packet.readUInt16BE(4); i > 0; i--) {
    at = endOfName(packet, at);
    if (at < 0) return false;
    at += 4;
  }
  const records = packet.readUInt16BE(6) + packet.readUInt16BE(8) + packet.readUInt16BE(10);
  for (let i = records; i > 0; i--) {
    at = endOfName(packet, at);
    if (at < 0 || at + 10 > packet.length) return false;
    at += 10 + packet.readUInt16BE(at + 8);
  }
  return at === packet.length;
}

/** Reads a packet, or undefined when it is malformed in any way. */
export function decodeMessage(packet: Buffer): dnsPacket.DecodedPacket | undefined {
  if (packet.length < headerLength || !isWellFramed(packet)) return undefined;
  try {
    return dnsPacket.decode(packet);
  } catch {
    return undefined;
  }
}
