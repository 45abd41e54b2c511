import * as lmdb from "lmdb";
import type { Usage } from "../../../contract/credits.ts";
import type { RateState } from "../../../contract/rates.ts";
import type { Capture } from "../captures.ts";
import type { Envelope } from "../spool.ts";
import type { MoveMark } from "../transfer.ts";
import { checkedBytes, checkedJson } from "./checksum.ts";
import type { DeliveryKey, DeliveryRow, DueKey, EnvironmentKey } from "./tables.ts";
import type { RawRow } from "./walk.ts";

/** A record that was verified: its checksum fits, and it is what its table holds. */
export type Verified =
  | { readonly table: "meta"; readonly key: string; readonly value: number }
  | { readonly table: "envelopes"; readonly key: string; readonly value: Envelope }
  | { readonly table: "contents"; readonly key: string; readonly value: Uint8Array }
  | { readonly table: "captured"; readonly key: string; readonly value: Uint8Array }
  /** Content of which nothing tells whether it is of a message or of a capture. */
  | { readonly table: "octets"; readonly key: string; readonly value: Uint8Array }
  | { readonly table: "deliveries"; readonly key: DeliveryKey; readonly value: DeliveryRow }
  | { readonly table: "due"; readonly key: DueKey }
  | { readonly table: "billed"; readonly key: string; readonly value: number }
  | { readonly table: "capture-octets"; readonly key: string; readonly value: number }
  | { readonly table: "spooled"; readonly key: string; readonly value: number }
  | { readonly table: "usage"; readonly key: string; readonly value: Usage }
  | { readonly table: "key-uses"; readonly key: [tenant: string, keyId: string]; readonly value: number }
  | { readonly table: "rates"; readonly key: string; readonly value: RateState }
  | { readonly table: "captures"; readonly key: string; readonly value: Capture }
  | { readonly table: "captures-by-environment"; readonly key: EnvironmentKey }
  | { readonly table: "marks"; readonly key: string; readonly value: MoveMark };

/** A record that is not whole, by its key as far as that can be read. */
export interface Unreadable {
  readonly table: string;
  readonly key: unknown;
}

/** Verifies a row of the file. Of a row that no tree leads to it finds out by its looks where it belongs. */
export function verify({ table, key: octets, value }: RawRow): Verified | Unreadable {
  const key = readKey(octets);
  const found = value === undefined || key === undefined ? undefined : recordOf(table, key, value);
  return found ?? { table: table ?? "", key };
}

function recordOf(table: string | undefined, key: unknown, value: Buffer): Verified | undefined {
  if (table === "meta") return metaOf(key, value);
  if (table === "contents" || table === "captured") return octetsOf(table, key, value);
  const row = attempt(() => ({ json: checkedJson.decode(value) }));
  if (row === undefined) return table === undefined ? octetsOf("octets", key, value) : undefined;
  const found = jsonOf(key, row.json, table);
  return table === undefined || found?.table === table ? found : undefined;
}

function octetsOf(table: "contents" | "captured" | "octets", key: unknown, value: Buffer): Verified | undefined {
  const content = attempt(() => checkedBytes.decode(value));
  return typeof key === "string" && content !== undefined ? { table, key, value: content } : undefined;
}

/** Whether this is what {@link verify} makes of a row that is whole. */
export function isVerified(found: Verified | Unreadable): found is Verified {
  return "value" in found || found.table === "due" || found.table === "captures-by-environment";
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The library can read its keys, and does not say so in its types. */
function readKey(octets: Buffer): unknown {
  const read: unknown = Reflect.get(lmdb, "bufferToKeyValue");
  if (typeof read !== "function") return undefined;
  // It reads whole words: behind the end there must be zeros.
  const padded = Buffer.alloc(octets.length + 8);
  octets.copy(padded);
  return attempt((): unknown => Reflect.apply(read, undefined, [padded.subarray(0, octets.length)]));
}

function metaOf(key: unknown, value: Buffer): Verified | undefined {
  const number: unknown = attempt((): unknown => JSON.parse(value.toString()));
  return typeof key === "string" && typeof number === "number" ? { table: "meta", key, value: number } : undefined;
}

const due: DueKey = [0, "", 0];
const environment: EnvironmentKey = ["", "", 0, ""];
const keyUse: [tenant: string, keyId: string] = ["", ""];
const delivery: DeliveryKey = ["", 0];
const examples = { due, environment, keyUse, delivery };

/** What a checked row is, by its key and its members. */
function jsonOf(key: unknown, json: unknown, table: string | undefined): Verified | undefined {
  if (typeof key === "string") return typeof json === "number" ? counted(key, json, table) : objectOf(key, json);
  if (!Array.isArray(key)) return undefined;
  const parts: readonly unknown[] = key;
  if (json === 0 && isKey(parts, examples.due)) return { table: "due", key: parts };
  if (json === 0 && isKey(parts, examples.environment)) return { table: "captures-by-environment", key: parts };
  if (typeof json === "number" && isKey(parts, examples.keyUse)) return { table: "key-uses", key: parts, value: json };
  return isKey(parts, examples.delivery) && has<DeliveryRow>(json, "recipients", "dueAt", "token")
    ? { table: "deliveries", key: parts, value: json }
    : undefined;
}

const countedTables = ["billed", "spooled", "capture-octets"] as const;

/** Ids have no slash, tenants have one, their environments two. */
function counted(key: string, value: number, table: string | undefined): Verified | undefined {
  const wanted = table ?? countedTables[key.split("/").length - 1];
  const found = countedTables.find((one) => one === wanted);
  return found && { table: found, key, value };
}

function objectOf(key: string, json: unknown): Verified | undefined {
  if (has<MoveMark>(json, "move", "place")) return { table: "marks", key, value: json };
  if (has<Usage>(json, "period", "used")) return { table: "usage", key, value: json };
  if (has<RateState>(json, "tat", "day")) return { table: "rates", key, value: json };
  if (has<Capture>(json, "capturedAt", "envelope"))
    return json.envelope.id === key ? { table: "captures", key, value: json } : undefined;
  if (has<Envelope>(json, "id", "acceptedAt", "tenant") && json.id === key)
    return { table: "envelopes", key, value: json };
  return undefined;
}

/** The checksum fits, so that what has these members is what was written. */
function has<T extends object>(value: unknown, ...names: readonly (keyof T & string)[]): value is T {
  return typeof value === "object" && value !== null && names.every((name) => name in value);
}

/** Whether a key has parts of the same types as the example. */
function isKey<T extends readonly unknown[]>(parts: readonly unknown[], example: T): parts is T {
  return parts.length === example.length && parts.every((part, at) => typeof part === typeof example[at]);
}
