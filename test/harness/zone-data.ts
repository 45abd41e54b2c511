/**
 * What an authoritative server says of its zones (RFC 1034 §4.3.2, RFC 2308): the pure part of the zone server.
 * No wildcards, no delegations, no DNSSEC.
 */
import type { Answer as PacketAnswer } from "dns-packet";
import type { RecordValues } from "../../net/resolver.ts";

type DataType = "A" | "AAAA" | "MX" | "TXT" | "CNAME" | "NS" | "PTR";

/** A record. Names are matched without case; a TXT text is cut into strings of 255 octets, strings stay as they are. */
export type ZoneRecord = {
  readonly [T in DataType]: {
    readonly name: string;
    readonly type: T;
    readonly value: T extends "TXT" ? string | readonly string[] : RecordValues[T];
    /** Seconds; the zone's when absent. */
    readonly ttl?: number;
  };
}[DataType];

/** A zone that the server answers for. */
export interface Zone {
  readonly name: string;
  /** Seconds: TTL of records without their own; 1 when absent. */
  readonly ttl?: number;
  /** Seconds: how long an absence may be believed (the SOA's minimum); 1 when absent. */
  readonly minimum?: number;
}

/** An answer before it is put in a packet. */
export interface ZoneAnswer {
  readonly rcode: "NOERROR" | "NXDOMAIN" | "REFUSED";
  readonly authoritative: boolean;
  readonly answers: readonly PacketAnswer[];
  readonly authorities: readonly PacketAnswer[];
}

/** What the server knows at a moment. */
export interface ZoneData {
  readonly zones: readonly Zone[];
  readonly records: readonly ZoneRecord[];
  readonly serial: number;
}

/** Most CNAMEs that are followed: a loop ends here. */
const longestChain = 8;

/** Lower case, no dot at the end: the form in which names are compared. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

/** The answer to a question of class IN: what the name has, at the end of its CNAMEs as far as they lie in our zones. */
export function answer(data: ZoneData, name: string, type: string): ZoneAnswer {
  const chain: PacketAnswer[] = [];
  let owner = plainName(name);
  let zone = zoneOf(data, owner);
  if (!zone) return { rcode: "REFUSED", authoritative: false, answers: [], authorities: [] };
  while (zone && chain.length < longestChain) {
    const alias = type === "CNAME" || type === "ANY" ? undefined : aliasOf(data, owner);
    if (!alias) return atOwner({ ...data, zone, owner, type }, chain);
    chain.push(toPacket(zone, alias));
    owner = plainName(alias.value);
    zone = zoneOf(data, owner);
  }
  return { rcode: "NOERROR", authoritative: true, answers: chain, authorities: [] };
}

interface Place extends ZoneData {
  readonly zone: Zone;
  readonly owner: string;
  readonly type: string;
}

/** The answer at a name that is no alias, behind the CNAMEs that led there. */
function atOwner(place: Place, chain: readonly PacketAnswer[]): ZoneAnswer {
  const { zone, owner, type } = place;
  const isApex = owner === plainName(zone.name);
  const soa = soaOf(zone, place.serial);
  const here = place.records.filter((record) => plainName(record.name) === owner);
  const found = here.filter((record) => record.type === type || type === "ANY").map((record) => toPacket(zone, record));
  if (isApex && (type === "SOA" || type === "ANY")) found.push(soa);
  const exists = isApex || here.length > 0 || hasNameBelow(place, owner);
  return {
    rcode: exists ? "NOERROR" : "NXDOMAIN",
    authoritative: true,
    answers: [...chain, ...found],
    authorities: found.length === 0 ? [soa] : [],
  };
}

function aliasOf(data: ZoneData, owner: string): Extract<ZoneRecord, { type: "CNAME" }> | undefined {
  for (const record of data.records) if (record.type === "CNAME" && plainName(record.name) === owner) return record;
  return undefined;
}

/** The zone with the longest name that the owner lies in. */
function zoneOf(data: ZoneData, owner: string): Zone | undefined {
  return data.zones
    .filter((zone) => owner === plainName(zone.name) || owner.endsWith(`.${plainName(zone.name)}`))
    .toSorted((a, b) => b.name.length - a.name.length)[0];
}

/** A name without records of its own exists when there are names below it (RFC 8020). */
function hasNameBelow(data: ZoneData, owner: string): boolean {
  return data.records.some((record) => plainName(record.name).endsWith(`.${owner}`));
}

function soaOf(zone: Zone, serial: number): PacketAnswer {
  const minimum = zone.minimum ?? 1;
  return {
    type: "SOA",
    name: zone.name,
    ttl: minimum,
    data: {
      mname: `ns.${zone.name}`,
      rname: `hostmaster.${zone.name}`,
      serial,
      refresh: 3600,
      retry: 600,
      expire: 86_400,
      minimum,
    },
  };
}

/** A record as dns-packet wants it. */
export function toPacket(zone: Zone, record: ZoneRecord): PacketAnswer {
  const base = { name: record.name, ttl: record.ttl ?? zone.ttl ?? 1 };
  if (record.type === "MX") return { ...base, type: "MX", data: { ...record.value } };
  if (record.type === "TXT")
    return { ...base, type: "TXT", data: typeof record.value === "string" ? cut(record.value) : [...record.value] };
  return { ...base, type: record.type, data: record.value };
}

/** Cuts a text into character strings of at most 255 octets (RFC 1035 §3.3). The text must be ASCII. */
function cut(text: string): string[] {
  return text.match(/[^]{1,255}/g) ?? [""];
}
