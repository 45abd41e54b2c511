import { crc32 } from "node:zlib";
import type { StoreCounts, StoreProblem } from "../check.ts";
import { dueKey } from "./deliveries.ts";
import type { Verified } from "./record.ts";
import { captureCounter, spoolCounter } from "../check.ts";
import { captureCountKey } from "./capture-octets.ts";
import { indexKey } from "./captures.ts";

/** What was found of a message or a capture. */
export const part = {
  envelope: 1,
  content: 2,
  delivery: 4,
  capture: 8,
  captured: 16,
  sizeMatters: 32,
  stray: 64,
  due: 128,
} as const;
const spooledParts = part.envelope + part.content + part.delivery;
const captureParts = part.capture + part.captured;

/** What was found in a file, and what is missing: about a hundred octets of memory for each message. */
export interface Inventory {
  note(record: Verified): void;
  /** A part of a message that is there and cannot be read. */
  noteDamaged(id: string): void;
  /** Ids of which everything is there, and those of which something is missing. */
  whole(id: string): Wholeness;
  ids(): Iterable<string>;
  counts(): StoreCounts;
  problems(): Generator<StoreProblem>;
}

export interface Wholeness {
  readonly message: boolean;
  readonly capture: boolean;
  /** Something is there of it. */
  readonly partly: { readonly message: boolean; readonly capture: boolean };
}

interface Found {
  readonly parts: Map<string, number>;
  readonly counted: { -readonly [K in keyof Omit<StoreCounts, "messages">]: number };
  readonly sums: { due: number; dueWanted: number; captures: number; capturesWanted: number };
  /** Octets by tenant: those that are there, and those that are counted. */
  readonly room: Map<string, { wanted: number; told: number }>;
  /** Octets of the contents whose envelope was not seen yet. */
  readonly sizes: Map<string, number>;
  readonly captures: CaptureRoom;
}

/** Octets of captures: of each one and whose it is, and what is counted, where anybody counts. */
interface CaptureRoom {
  readonly sizes: Map<string, number>;
  readonly names: Map<string, string>;
  readonly told: Map<string, number>;
  counts: boolean;
}

/** Counts what a walk finds. */
export function inventory(): Inventory {
  const found: Found = {
    parts: new Map(),
    counted: { octets: 0, deliveries: 0, captures: 0, tenants: 0, apiKeys: 0, rates: 0, billed: 0 },
    sums: { due: 0, dueWanted: 0, captures: 0, capturesWanted: 0 },
    room: new Map(),
    sizes: new Map(),
    captures: { sizes: new Map(), names: new Map(), told: new Map(), counts: false },
  };
  const notes: Notes = { ...spoolNotes(found), ...captureNotes(found), ...ledgerNotes(found) };
  return {
    note: (record) => noteWith(notes, record),
    noteDamaged: (id) => add(found, id, 0),
    whole: (id) => wholeness(found.parts.get(id) ?? 0),
    ids: () => found.parts.keys(),
    counts: () => ({ ...found.counted, messages: count(found.parts.values(), part.envelope) }),
    problems: () => problemsOf(found),
  };
}

type Notes = { readonly [T in Verified["table"]]?: (record: Extract<Verified, { table: T }>) => void };

function noteWith<T extends Verified["table"]>(
  notes: { readonly [K in T]?: (record: Extract<Verified, { table: K }>) => void },
  record: Extract<Verified, { table: T }>,
): void {
  notes[record.table]?.(record);
}

function add({ parts }: Found, id: string, bits: number): void {
  parts.set(id, (parts.get(id) ?? 0) | bits);
}

function roomOf({ room }: Found, tenant: string): { wanted: number; told: number } {
  const of = room.get(tenant) ?? { wanted: 0, told: 0 };
  room.set(tenant, of);
  return of;
}

function spoolNotes(found: Found): Notes {
  const { counted, sums, sizes } = found;
  return {
    envelopes({ key, value }) {
      add(
        found,
        key,
        sizes.has(key) && sizes.get(key) !== value.size ? part.envelope + part.sizeMatters : part.envelope,
      );
      counted.octets += value.size;
      roomOf(found, value.tenant).wanted += value.size;
      sizes.delete(key);
    },
    contents({ key, value }) {
      add(found, key, part.content);
      sizes.set(key, value.byteLength);
    },
    octets: ({ key }) => add(found, key, part.content + part.captured + part.stray),
    deliveries({ key, value }) {
      add(found, key[0], part.delivery);
      counted.deliveries += 1;
      sums.dueWanted += sumOf(dueKey(key, value));
    },
    due({ key }) {
      add(found, key[1], part.due);
      sums.due += sumOf(key);
    },
    spooled: ({ key, value }) => void (roomOf(found, key).told = value),
  };
}

function captureNotes(found: Found): Notes {
  return {
    captures({ key, value }) {
      add(found, key, part.capture);
      found.counted.captures += 1;
      found.sums.capturesWanted += sumOf(indexKey(value));
      found.captures.names.set(key, captureCountKey(value));
    },
    captured({ key, value }) {
      add(found, key, part.captured);
      found.captures.sizes.set(key, value.byteLength);
    },
    "capture-octets": ({ key, value }) => void found.captures.told.set(key, value),
    meta({ key }) {
      if (key === "captured") found.captures.counts = true;
    },
    "captures-by-environment": ({ key }) => void (found.sums.captures += sumOf(key)),
  };
}

function ledgerNotes({ counted }: Found): Notes {
  return {
    usage: () => void (counted.tenants += 1),
    "key-uses": () => void (counted.apiKeys += 1),
    rates: () => void (counted.rates += 1),
    billed: () => void (counted.billed += 1),
  };
}

function wholeness(bits: number): Wholeness {
  const stray = (bits & part.stray) !== 0;
  return {
    message: (bits & part.sizeMatters) === 0 && (bits & spooledParts) === spooledParts,
    capture: (bits & captureParts) === captureParts,
    // Octets of which nobody knows whose they are lack nothing that the other kind has.
    partly: {
      message: (bits & (part.envelope + part.delivery + part.due)) !== 0 || (!stray && (bits & part.content) !== 0),
      capture: (bits & part.capture) !== 0 || (!stray && (bits & part.captured) !== 0),
    },
  };
}

function* problemsOf({ parts, sums, room, captures }: Found): Generator<StoreProblem> {
  for (const [id, bits] of parts) yield* orphan(id, bits);
  if (sums.due !== sums.dueWanted) yield index("the order of what is due does not fit the deliveries");
  if (sums.captures !== sums.capturesWanted) yield index("the captures of the environments do not fit the captures");
  for (const [tenant, { wanted, told }] of room) if (wanted !== told) yield spoolCounter(tenant, told, wanted);
  yield* captureProblems(captures);
}

function* captureProblems({ sizes, names, told, counts }: CaptureRoom): Generator<StoreProblem> {
  const there = new Map<string, number>();
  for (const [id, name] of names) there.set(name, (there.get(name) ?? 0) + (sizes.get(id) ?? 0));
  for (const name of counts ? new Set([...there.keys(), ...told.keys()]) : [])
    if (there.get(name) !== told.get(name)) yield captureCounter(name, told.get(name) ?? 0, there.get(name) ?? 0);
}

const names: readonly (readonly [number, string])[] = [
  [part.envelope, "envelope"],
  [part.content, "content"],
  [part.delivery, "deliveries"],
];

function* orphan(id: string, found: number): Generator<StoreProblem> {
  const missing = names.filter(([bit]) => (found & bit) === 0).map(([, name]) => name);
  if ((found & (spooledParts + part.due)) !== 0 && missing.length > 0)
    yield { kind: "Orphan", id, what: `the message ${id} has no ${missing.join(" and no ")}` };
  else if ((found & part.sizeMatters) !== 0)
    yield { kind: "Orphan", id, what: `the content of ${id} is not as long as its envelope says` };
  const captured = found & captureParts;
  if (captured !== 0 && captured !== captureParts)
    yield {
      kind: "Orphan",
      id,
      what: `the capture ${id} has no ${captured === part.capture ? "content" : "envelope"}`,
    };
}

function index(what: string): StoreProblem {
  return { kind: "Index", id: "", what };
}

/** Sums of checksums tell whether two tables have the same keys, in any order. */
function sumOf(key: readonly unknown[]): number {
  return crc32(JSON.stringify(key));
}

function count(values: Iterable<number>, bit: number): number {
  let found = 0;
  for (const value of values) if ((value & bit) !== 0) found += 1;
  return found;
}
