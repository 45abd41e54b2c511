import type dnsPacket from "dns-packet";
import { normaliseName } from "./domain-name.ts";
import type { Answer, RecordType, RecordValues } from "./resolver.ts";

/** A chain of aliases longer than this is refused. */
export const longestChain = 8;
/** More records of one name and type than this are refused. */
const mostRecords = 256;
/** TTLs from here on are taken for 0 (RFC 2181 §8). */
const ttlLimit = 2 ** 31;

/**
 * What a packet says of a question: an answer, or an alias whose target must be asked for, because the packet does
 * not say what stands there.
 */
export type Reading<T extends RecordType> =
  | { readonly kind: "Answer"; readonly answer: Answer<T> }
  | { readonly kind: "Alias"; readonly target: string; readonly ttl: number; readonly seen: readonly string[] };

/** A question under way: the names that were passed so far, the one asked for last, and the lowest TTL on the way. */
export interface Chain {
  readonly seen: readonly string[];
  readonly ttl: number;
}

type Record = dnsPacket.Answer;

const isIn = (record: Record): boolean => "class" in record && record.class === "IN";
const ttlOf = (record: Record): number => {
  const ttl = "ttl" in record ? (record.ttl ?? 0) : 0;
  return ttl < ttlLimit ? ttl : 0;
};
const failed = (reason: string): { kind: "Answer"; answer: { kind: "Failed"; reason: string } } => ({
  kind: "Answer",
  answer: { kind: "Failed", reason },
});

/** The value of a record of type `T`, or undefined when it is of another type or lacks a part. */
const valueOf: { readonly [T in RecordType]: (record: Record) => RecordValues[T] | undefined } = {
  A: (record) => (record.type === "A" ? record.data : undefined),
  AAAA: (record) => (record.type === "AAAA" ? record.data : undefined),
  MX: (record) =>
    record.type === "MX"
      ? { preference: record.data.preference ?? 0, exchange: normaliseName(record.data.exchange) }
      : undefined,
  TXT: (record) =>
    record.type === "TXT"
      ? // One character an octet: TXT has no charset, and a character may be split over two strings.
        [record.data].flat().map((part) => (typeof part === "string" ? part : part.toString("latin1")))
      : undefined,
  CNAME: (record) => (record.type === "CNAME" ? normaliseName(record.data) : undefined),
  PTR: (record) => (record.type === "PTR" ? normaliseName(record.data) : undefined),
  NS: (record) => (record.type === "NS" ? normaliseName(record.data) : undefined),
  SOA: (record) =>
    record.type === "SOA"
      ? {
          primary: normaliseName(record.data.mname),
          serial: record.data.serial ?? 0,
          minimum: record.data.minimum ?? 0,
        }
      : undefined,
};

/** TTL of the denial: the SOA's minimum or its own TTL, whichever is less (RFC 2308 §5). */
function negativeTtl(authorities: readonly Record[]): number | undefined {
  for (const record of authorities)
    if (record.type === "SOA") return Math.min(ttlOf(record), valueOf.SOA(record)?.minimum ?? 0);
  return undefined;
}

/** Follows the aliases that the packet holds. Returns where they end, or a reason to refuse them. */
function followAliases(records: readonly Record[], chain: Chain): Chain | { readonly reason: string } {
  const seen = [...chain.seen];
  let ttl = chain.ttl;
  for (;;) {
    const aliases = records.filter((record) => record.type === "CNAME" && normaliseName(record.name) === seen.at(-1));
    const [alias] = aliases;
    if (alias === undefined || alias.type !== "CNAME") return { seen, ttl };
    if (new Set(aliases.map((record) => valueOf.CNAME(record))).size > 1) return { reason: "two aliases at one name" };
    const target = normaliseName(alias.data);
    if (seen.includes(target)) return { reason: "a loop of aliases" };
    if (seen.length > longestChain) return { reason: `more than ${longestChain} aliases` };
    seen.push(target);
    ttl = Math.min(ttl, ttlOf(alias));
  }
}

function emptyAnswer<T extends RecordType>(packet: dnsPacket.DecodedPacket, hasAlias: boolean): Reading<T> | "Ask" {
  const authorities = packet.authorities?.filter(isIn) ?? [];
  const ttl = negativeTtl(authorities);
  const denial = ttl === undefined ? {} : { negativeTtl: ttl };
  if (responseCode(packet) === "NXDOMAIN") return { kind: "Answer", answer: { kind: "NXDomain", ...denial } };
  if (ttl === undefined && hasAlias) return "Ask";
  // Name servers without a SOA point somewhere else: whoever answers so does not resolve (RFC 2308 §2.2).
  const isReferral = ttl === undefined && !packet.flag_aa && authorities.some((record) => record.type === "NS");
  if (isReferral) return failed("a referral, not an answer");
  return { kind: "Answer", answer: { kind: "NoData", ...denial } };
}

const codeNames: Readonly<Partial<{ [code: number]: string }>> = {
  0: "NOERROR",
  1: "FORMERR",
  2: "SERVFAIL",
  3: "NXDOMAIN",
  4: "NOTIMP",
  5: "REFUSED",
};

/** The response code of a packet with its EDNS0 part (RFC 6891 §6.1.3). */
function responseCode(packet: dnsPacket.DecodedPacket): string {
  const opt = packet.additionals?.find((record) => record.type === "OPT");
  const code = ((opt?.type === "OPT" ? opt.extendedRcode : 0) << 4) | ((packet.flags ?? 0) & 15);
  return codeNames[code] ?? `response code ${code}`;
}

/** What `packet`, which answers a question of type `type` for the last name of `chain`, says. */
export function readAnswer<T extends RecordType>(packet: dnsPacket.DecodedPacket, type: T, chain: Chain): Reading<T> {
  const code = responseCode(packet);
  if (code !== "NOERROR" && code !== "NXDOMAIN") return failed(code);
  const records = packet.answers?.filter(isIn) ?? [];
  const end = type === "CNAME" ? chain : followAliases(records, chain);
  if ("reason" in end) return failed(end.reason);
  const owner = end.seen.at(-1);
  const found = records.filter((record) => record.type === type && normaliseName(record.name) === owner);
  if (found.length > mostRecords) return failed(`more than ${mostRecords} records`);
  const values = found.map((record) => valueOf[type](record)).filter((value) => value !== undefined);
  if (values.length > 0) {
    const ttl = Math.min(end.ttl, ...found.map(ttlOf));
    // A copy has no room for more values, and answers are kept for long.
    return { kind: "Answer", answer: { kind: "Records", values: [...values], ttl } };
  }
  const empty = emptyAnswer<T>(packet, end.seen.length > chain.seen.length);
  if (empty !== "Ask") return empty;
  return { kind: "Alias", target: owner ?? "", ttl: end.ttl, seen: end.seen };
}

/** What a server says of one name alone: an answer, or the name that it is an alias of. */
export type OwnReading<T extends RecordType> = Answer<T> | { readonly kind: "Alias"; readonly target: string };

/**
 * What an authoritative server says of `name`, from the records of that name alone: what else it adds may be of a zone
 * that is not its own. `Failed` when it does not answer with authority (RFC 1034 §4.3.1): a lame server, or a resolver.
 */
export function readOwnAnswer<T extends RecordType>(
  packet: dnsPacket.DecodedPacket,
  type: T,
  name: string,
): OwnReading<T> {
  const chain: Chain = { seen: [name], ttl: Number.MAX_SAFE_INTEGER };
  const alias = readAnswer(packet, "CNAME", chain);
  if (alias.kind === "Answer" && alias.answer.kind === "Failed") return alias.answer;
  if (!packet.flag_aa) return { kind: "Failed", reason: "not authoritative for the zone" };
  if (type !== "CNAME" && alias.kind === "Answer" && alias.answer.kind === "Records") {
    const [target = "", ...others] = new Set(alias.answer.values);
    if (others.length > 0) return { kind: "Failed", reason: "two aliases at one name" };
    return { kind: "Alias", target };
  }
  const reading = readAnswer(packet, type, chain);
  return reading.kind === "Answer" ? reading.answer : { kind: "Failed", reason: "an alias that leads nowhere" };
}
