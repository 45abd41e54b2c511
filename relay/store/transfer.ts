import { crc32 } from "node:zlib";
import type { Usage } from "../../contract/credits.ts";
import type { RateState } from "../../contract/rates.ts";
import type { Capture } from "./captures.ts";
import type { Envelope, LastReply, SpooledRecipient } from "./spool.ts";

/** A delivery as it is carried: without a lease. */
export interface CarriedDelivery {
  /** The one in its key, `<message id>/<index>`. */
  readonly index: number;
  readonly domain: string;
  readonly recipients: readonly SpooledRecipient[];
  readonly attempts: number;
  readonly dueAt: number;
  readonly lastReply?: LastReply;
}

/** What a store is made of, piece by piece, in no engine's own form. */
export type StoreRecord =
  /** The store's clock. */
  | { readonly kind: "Time"; readonly time: number }
  | { readonly kind: "Usage"; readonly tenant: string; readonly usage: Usage }
  | { readonly kind: "KeyUse"; readonly tenant: string; readonly keyId: string; readonly usedAt: number }
  | { readonly kind: "Rate"; readonly key: string; readonly state: RateState }
  /** An id that was billed. `at`: no earlier than it was. */
  | { readonly kind: "Billed"; readonly id: string; readonly at: number }
  | { readonly kind: "Capture"; readonly capture: Capture; readonly content: Uint8Array }
  | {
      readonly kind: "Message";
      readonly envelope: Envelope;
      readonly content: Uint8Array;
      readonly deliveries: readonly CarriedDelivery[];
    };

/** Every kind of record, in the order of an export. */
export const recordKinds = ["Time", "Usage", "KeyUse", "Rate", "Billed", "Capture", "Message"] as const;
export type RecordKind = StoreRecord["kind"];

/** What a move left on a store. A store that is `MovedTo` or `ArrivingFrom` is no relay's to run on. */
export interface MoveMark {
  /**
   * `MovedTo`: its mail and its ledger are, or are on the way, in the store at `place`. `ArrivingFrom`: it gets those of the
   * store at `place`, and has not got all. `ArrivedFrom`: it has them; nothing is to be done.
   */
  readonly kind: "MovedTo" | "ArrivingFrom" | "ArrivedFrom";
  /** The same on both sides of one move, and of no other. */
  readonly move: string;
  /** For people. */
  readonly place: string;
  readonly at: number;
}

/** Leases that somebody holds. */
export interface RunningLeases {
  readonly count: number;
  /** When the last of them lapses. */
  readonly until: number;
}

/** Carries a store to another engine. Everything goes in strides: memory does not grow with the store. */
export interface Transfer {
  /**
   * Everything that the store holds, without leases, and without what says nothing any more at `now`: rates that lapsed and
   * ids that were billed over an hour ago. Nobody else may write meanwhile. Throws when a record is damaged or missing.
   */
  export(now: number): AsyncIterable<StoreRecord>;
  /**
   * Takes records in; on disk when it resolves. The same records again change nothing: of the clock, and of the use of a
   * key, the later counts; a message, a capture or a billed id that is there is left as it is; a row of a tenant or of a
   * rate is replaced.
   */
  import(records: AsyncIterable<StoreRecord>, now: number): Promise<void>;
  /** The leases that run at `now`; undefined when there are none. */
  leases(now: number): Promise<RunningLeases | undefined>;
  mark(): Promise<MoveMark | undefined>;
  /** Puts a mark on the store in place of the one that it has, or takes that away. */
  setMark(mark: MoveMark | undefined): Promise<void>;
}

/** Milliseconds for which an id that was billed is remembered at least. */
export const billedFor = 3_600_000;

/** A record is not whole: something that belongs to it is missing. Names it, and holds nothing of it. */
export class StoreIncomplete extends Error {
  override readonly name = "StoreIncomplete";
}

/** How many records of a kind there are, and a sum over all of them that does not ask for their order. */
export interface Tally {
  readonly count: number;
  /** Octets of content. */
  readonly octets: number;
  readonly sum: number;
}

export type Tallies = Readonly<Record<RecordKind, Tally>>;

const nothing: Tally = { count: 0, octets: 0, sum: 0 };

/** Counts records as they pass. Ask `tallies` when the last one has. */
export function counting(records: AsyncIterable<StoreRecord>): {
  readonly records: AsyncIterable<StoreRecord>;
  readonly tallies: () => Tallies;
} {
  const tallies: Record<RecordKind, Tally> = {
    Time: nothing,
    Usage: nothing,
    KeyUse: nothing,
    Rate: nothing,
    Billed: nothing,
    Capture: nothing,
    Message: nothing,
  };
  async function* pass(): AsyncGenerator<StoreRecord> {
    for await (const record of records) {
      const { count, octets, sum } = tallies[record.kind];
      const size = "content" in record ? record.content.byteLength : 0;
      tallies[record.kind] = { count: count + 1, octets: octets + size, sum: (sum + sumOf(record)) % 2 ** 32 };
      yield record;
    }
  }
  return { records: pass(), tallies: () => tallies };
}

/** Counts all records. */
export async function tallyOf(records: AsyncIterable<StoreRecord>): Promise<Tallies> {
  const counted = counting(records);
  for await (const _ of counted.records);
  return counted.tallies();
}

/** The time of a billed id is left out: engines keep it more or less exactly. */
function sumOf(record: StoreRecord): number {
  if (record.kind === "Billed") return crc32(record.id);
  if (!("content" in record)) return crc32(JSON.stringify(record));
  const { content, ...row } = record;
  return crc32(content, crc32(JSON.stringify(row)));
}

/** The kinds of which two stores do not hold the same. */
export function differences(one: Tallies, other: Tallies): readonly RecordKind[] {
  return recordKinds.filter((kind) => {
    const [a, b] = [one[kind], other[kind]];
    return a.count !== b.count || a.octets !== b.octets || a.sum !== b.sum;
  });
}

/** Gathers what comes one by one into batches of at most `records`, and hardly more than `octets` of content. */
export async function* batches(
  source: AsyncIterable<StoreRecord>,
  limits: { readonly records: number; readonly octets: number },
): AsyncGenerator<readonly StoreRecord[]> {
  let batch: StoreRecord[] = [];
  let octets = 0;
  for await (const record of source) {
    batch.push(record);
    octets += "content" in record ? record.content.byteLength : 0;
    if (batch.length < limits.records && octets < limits.octets) continue;
    yield batch;
    batch = [];
    octets = 0;
  }
  if (batch.length > 0) yield batch;
}
