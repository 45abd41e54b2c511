/** Packets of the zone server: what it makes of the octets of a query. Pure. */
import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
  type Answer as PacketAnswer,
  type DecodedPacket,
  type Question,
} from "dns-packet";
import { answer, plainName, toPacket, type ZoneAnswer, type ZoneData, type ZoneRecord } from "./zone-data.ts";

/**
 * How the server fails for a name: error codes, silence, an answer with another id or for another question, octets
 * that are no packet, a UDP answer that is always truncated, or records that are not in the zone.
 */
export type Failure =
  | "ServFail"
  | "Refused"
  | "Silence"
  | "WrongId"
  | "WrongQuestion"
  | "Garbage"
  | "Truncate"
  | { readonly lie: readonly ZoneRecord[] };

/** A question that came in. */
export interface ZoneQuery {
  /** Lower case. */
  readonly name: string;
  readonly type: string;
  readonly transport: "UDP" | "TCP";
}

/** Everything that an answer depends on. */
export interface ZoneState extends ZoneData {
  /** By plain name. */
  readonly failures: ReadonlyMap<string, Failure>;
}

const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
const opcodeBits = 0x7800;

/** The question of a query, or undefined when the octets are none that {@link respond} would look up. */
export function questionOf(octets: Buffer): Question | undefined {
  const query = read(octets);
  return query?.questions?.length === 1 ? query.questions[0] : undefined;
}

/** The octets of the answer; undefined is silence. */
export function respond(state: ZoneState, octets: Buffer, transport: ZoneQuery["transport"]): Buffer | undefined {
  const query = read(octets);
  if (!query) return octets.length < 12 ? undefined : reply({ id: octets.readUInt16BE(0) }, "FORMERR");
  if (((query.flags ?? 0) & opcodeBits) !== 0) return reply(query, "NOTIMP");
  const question = questionOf(octets);
  if (!question) return reply(query, "FORMERR");
  const failure = state.failures.get(plainName(question.name));
  if (failure !== undefined && !(failure === "Truncate" && transport === "TCP")) return fail(query, failure);
  const found = answer(state, question.name, question.type);
  const whole = reply(query, found.rcode, found);
  if (whole.length <= (transport === "TCP" ? 65_535 : udpLimit(query))) return whole;
  return truncated(query);
}

function fail(query: DecodedPacket, failure: Failure): Buffer | undefined {
  if (typeof failure === "object") {
    const answers = failure.lie.map((record) => toPacket({ name: record.name }, record));
    return reply(query, "NOERROR", { authoritative: true, answers });
  }
  const id = ((query.id ?? 0) + 1) % 65_536;
  const questions: Question[] = [{ type: "A", name: "another.invalid" }];
  const octets: Readonly<Record<typeof failure, () => Buffer | undefined>> = {
    ServFail: () => reply(query, "SERVFAIL"),
    Refused: () => reply(query, "REFUSED"),
    Silence: () => undefined,
    WrongId: () => reply({ ...query, id }, "NXDOMAIN", { authoritative: true }),
    WrongQuestion: () => reply({ ...query, questions }, "NXDOMAIN", { authoritative: true }),
    Garbage: () => Buffer.from("no packet"),
    Truncate: () => truncated(query),
  };
  return octets[failure]();
}

/** An empty answer that says to ask over TCP (RFC 2181 §9). */
function truncated(query: DecodedPacket): Buffer {
  return reply(query, "NOERROR", { authoritative: true }, TRUNCATED_RESPONSE);
}

function read(octets: Buffer): DecodedPacket | undefined {
  try {
    const packet = decode(octets);
    return packet.type === "query" ? packet : undefined;
  } catch {
    return undefined;
  }
}

/** Largest UDP answer that the client takes: what its OPT record says, 512 octets without one. */
function udpLimit(query: DecodedPacket): number {
  for (const extra of query.additionals ?? []) if (extra.type === "OPT") return Math.max(512, extra.udpPayloadSize);
  return 512;
}

type Asked = Pick<DecodedPacket, "id"> & Partial<Pick<DecodedPacket, "questions" | "additionals" | "flags">>;

function reply(query: Asked, rcode: keyof typeof rcodes, sections: Partial<ZoneAnswer> = {}, extraFlags = 0): Buffer {
  const hasEdns = query.additionals?.some((extra) => extra.type === "OPT") ?? false;
  const opt: PacketAnswer = {
    type: "OPT",
    name: ".",
    udpPayloadSize: 1232,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
  const authoritative = sections.authoritative === true ? AUTHORITATIVE_ANSWER : 0;
  return encode({
    type: "response",
    id: query.id ?? 0,
    flags: ((query.flags ?? 0) & RECURSION_DESIRED) | authoritative | extraFlags | rcodes[rcode],
    questions: query.questions ?? [],
    answers: [...(sections.answers ?? [])],
    authorities: [...(sections.authorities ?? [])],
    additionals: hasEdns ? [opt] : [],
  });
}
