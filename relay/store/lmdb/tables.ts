import type { Database, RootDatabase } from "lmdb";
import type { Usage } from "../../../contract/credits.ts";
import type { RateState } from "../../../contract/rates.ts";
import type { Capture } from "../captures.ts";
import { checkedBytes, checkedJson } from "./checksum.ts";
import type { Envelope, LastReply, SpooledRecipient } from "../spool.ts";
import type { MoveMark } from "../transfer.ts";

/** What is written to disk; raised when older code could not read it any more. */
export const formatVersion = 2;

/** A delivery as it is stored: its message's envelope stands once, in another table. */
export interface DeliveryRow {
  readonly domain: string;
  readonly recipients: readonly SpooledRecipient[];
  readonly attempts: number;
  readonly dueAt: number;
  /** Fencing token of the latest claim; 0 before the first. */
  readonly token: number;
  /** Absent when nobody holds it. */
  readonly leaseUntil?: number;
  readonly lastReply?: LastReply;
}

/** Message id and index: ordered by acceptance. */
export type DeliveryKey = [id: string, index: number];
/** When a delivery can be claimed: `dueAt`, or the end of its lease. */
export type DueKey = [at: number, id: string, index: number];
export type EnvironmentKey = [tenant: string, environment: string, at: number, id: string];

/**
 * The tables. Rows are JSON: they are small, V8 reads and writes them faster than it calls out for anything else,
 * a dump of the file can be read, and a field can be added without a new format. Content is stored as it is. Each record
 * carries a checksum, but for `meta`, whose `format` says that.
 */
export interface Tables {
  readonly root: RootDatabase<unknown, string>;
  /**
   * `format`; `time`, the highest time that the store was ever told; `spooled` and `captured`, 1 once everything is counted in
   * the tables `spooled` and `captureOctets`.
   */
  readonly meta: Database<number, string>;
  readonly envelopes: Database<Envelope, string>;
  readonly contents: Database<Uint8Array, string>;
  readonly deliveries: Database<DeliveryRow, DeliveryKey>;
  readonly due: Database<0, DueKey>;
  /** Ids that were billed, with the time: an id that comes again is not billed again. */
  readonly billed: Database<number, string>;
  /** Credits spent, by `namespace/name`. */
  readonly usage: Database<Usage, string>;
  /** When an API key was last used, by `namespace/name` and its id: the start of the step. */
  readonly keyUses: Database<number, [tenant: string, keyId: string]>;
  /** What was taken of each rate limit, by its key. */
  readonly rates: Database<RateState, string>;
  /** Octets of content in the spool, by `namespace/name`; no row when there are none. */
  readonly spooled: Database<number, string>;
  readonly captures: Database<Capture, string>;
  readonly captured: Database<Uint8Array, string>;
  readonly capturesByEnvironment: Database<0, EnvironmentKey>;
  /** Octets of captured content, by tenant and environment as `namespace/name/environment`; no row when there are none. */
  readonly captureOctets: Database<number, string>;
  /** What a move left on this store; one row at most. Stands in a file beside this one too. */
  readonly marks: Database<MoveMark, string>;
}

/** Opens every table, and makes those that are not there yet. */
export function openTables(root: RootDatabase<unknown, string>): Tables {
  const json = { encoding: "binary", encoder: checkedJson } as const;
  const binary = { encoding: "binary", encoder: checkedBytes } as const;
  return {
    root,
    meta: root.openDB({ name: "meta", encoding: "json" }),
    envelopes: root.openDB({ name: "envelopes", ...json }),
    contents: root.openDB({ name: "contents", ...binary }),
    deliveries: root.openDB({ name: "deliveries", ...json }),
    due: root.openDB({ name: "due", ...json }),
    billed: root.openDB({ name: "billed", ...json }),
    usage: root.openDB({ name: "usage", ...json }),
    keyUses: root.openDB({ name: "key-uses", ...json }),
    rates: root.openDB({ name: "rates", ...json }),
    spooled: root.openDB({ name: "spooled", ...json }),
    captures: root.openDB({ name: "captures", ...json }),
    captured: root.openDB({ name: "captured", ...binary }),
    capturesByEnvironment: root.openDB({ name: "captures-by-environment", ...json }),
    captureOctets: root.openDB({ name: "capture-octets", ...json }),
    marks: root.openDB({ name: "marks", ...json }),
  };
}
