import Type from "typebox";
import { parseJson, type Decoded, type ObjectData } from "../../contract/codec.ts";
import type { PublicKey } from "../../contract/key-secret.ts";
import { remember } from "../../runtime/remember.ts";
import { validatorOf } from "../../runtime/validator.ts";
import { WatchedTime } from "./watched-time.ts";

const time = Type.Integer({ minimum: 0 });

/** A selector that was allotted, and what became of its key. Times are milliseconds since the epoch. */
export const KeyEntry = Type.Object({
  selector: Type.String({ minLength: 1, maxLength: 63 }),
  algorithm: Type.Union([Type.Literal("RSA2048"), Type.Literal("Ed25519")]),
  allottedAt: time,
  /** The public half, once the key was made. */
  key: Type.Optional(
    Type.Object({ publicKey: Type.String({ minLength: 1 }), fingerprint: Type.String(), createdAt: time }),
  ),
  /** When DNS had shown the record long enough: the key may sign from then on. */
  activatedAt: Type.Optional(time),
  /** Present on a key that its owner brought along: it proves nothing. */
  imported: Type.Optional(Type.Literal(true)),
  /** When the check was that missed the record of a key that was Active; absent again when one has seen it. */
  missedAt: Type.Optional(time),
  /** When two checks had not shown the record of a key that was Active; absent again when it was visible long enough. */
  unseenAt: Type.Optional(time),
  /** When a newer key took over. */
  retiringAt: Type.Optional(time),
  /** When its overlap was over, or a newer key made it needless before it signed: the private half goes. */
  retiredAt: Type.Optional(time),
  /** When it was revoked: it signs no more, the private half goes, the record is to say so. */
  revokedAt: Type.Optional(time),
  /** When the private half was found missing or replaced; the selector stays taken. */
  lostAt: Type.Optional(time),
  /** Of a Retiring key what has passed of its overlap, of one that signs no more of its retention. */
  wait: Type.Optional(WatchedTime),
});
export type KeyEntry = Type.Static<typeof KeyEntry>;

/** What cannot be derived of a claim's keys: one ConfigMap a claim, kept after the SendingDomain is gone. */
export const KeyHistory = Type.Object({
  version: Type.Literal(1),
  claim: Type.Object({ namespace: Type.String(), name: Type.String(), domain: Type.String() }),
  /** In the order of allotment. */
  keys: Type.Array(KeyEntry),
  /** The token of the last rotation that was asked for and acted on. */
  handledRotation: Type.Optional(Type.String()),
  /** How long no authoritative server has shown any record of the claim, while it holds the domain. */
  absence: Type.Optional(WatchedTime),
  /** What becomes of the private halves when the SendingDomain is gone; they are kept when it is absent. */
  deletionPolicy: Type.Optional(Type.Literal("Delete")),
});
export type KeyHistory = Type.Static<typeof KeyHistory>;

const dataKey = "history";
const keyHistory = validatorOf<KeyHistory>(KeyHistory);

/** The data of a key-history ConfigMap. */
export function encodeKeyHistory(history: KeyHistory): ObjectData {
  return { [dataKey]: JSON.stringify(history) };
}

/** The history in a ConfigMap's data. */
export function decodeKeyHistory(data: ObjectData): Decoded<KeyHistory> {
  return readBefore.get(data) ?? readText(data);
}

/** Histories without the texts that they were read from. */
const readBefore = new WeakMap<ObjectData, Decoded<KeyHistory>>();

const readText: (data: ObjectData) => Decoded<KeyHistory> = remember((data) => {
  const decoded = parseJson(data[dataKey] ?? "", keyHistory);
  return "value" in decoded && hasTwins(decoded.value) ? { error: "/keys has a selector twice" } : decoded;
});

/** Data that is read as this is and holds no text: public keys need not be kept twice. What cannot be read stays whole. */
export function withoutText(data: ObjectData): ObjectData {
  const decoded = decodeKeyHistory(data);
  if ("error" in decoded) return data;
  const kept = { ...data, [dataKey]: "" };
  readBefore.set(kept, decoded);
  return kept;
}

/** A selector stands for one key, once and for all: two entries would leave it open which of them counts. */
function hasTwins({ keys }: KeyHistory): boolean {
  return new Set(keys.map(({ selector }) => selector)).size < keys.length;
}

/** The entry of a key that stands in a Secret. */
export function entryOf(key: PublicKey, now: number): KeyEntry {
  return {
    selector: key.selector,
    algorithm: key.algorithm,
    allottedAt: Math.min(key.createdAt, now),
    key: { publicKey: key.publicKey, fingerprint: key.fingerprint, createdAt: key.createdAt },
    ...(key.imported && { imported: key.imported }),
  };
}

/** What a look at the key Secrets of a claim found. */
export interface SeenKeys {
  readonly keys: readonly PublicKey[];
  /** Selectors whose Secret is there and is no key of the claim. */
  readonly blocked: readonly string[];
}

/**
 * A history after a look at the key Secrets: a key that was made fills in its entry, one that is gone or is another now
 * is lost, one that came back is not, and one that no entry knows (the history itself was lost) gets an entry. That a key
 * was imported is true as soon as either says so: else whoever brings a key along could prove a domain with it.
 */
export function mergeKeys(entries: readonly KeyEntry[], seen: SeenKeys, now: number): readonly KeyEntry[] {
  const { keys, blocked } = seen;
  const bySelector = new Map(keys.map((key) => [key.selector, key]));
  const merged = entries.map((entry) =>
    // The private half of these goes on purpose.
    entry.retiredAt !== undefined || entry.revokedAt !== undefined
      ? entry
      : blocked.includes(entry.selector)
        ? lose(entry, now)
        : mergeKey(entry, bySelector.get(entry.selector), now),
  );
  const known = new Set(entries.map(({ selector }) => selector));
  const found = keys.filter(({ selector }) => !known.has(selector)).map((key) => entryOf(key, now));
  return [...merged, ...found.toSorted(byAllotment)];
}

function mergeKey(entry: KeyEntry, key: PublicKey | undefined, now: number): KeyEntry {
  if (key?.imported && !entry.imported) return mergeKey({ ...entry, imported: true }, key, now);
  if (entry.key === undefined) return key ? { ...entry, key: entryOf(key, now).key } : entry;
  if (key?.fingerprint !== entry.key.fingerprint || key.publicKey !== entry.key.publicKey) return lose(entry, now);
  if (entry.lostAt === undefined) return entry;
  const { lostAt: _, wait: __, ...rest } = entry;
  return rest;
}

function lose(entry: KeyEntry, now: number): KeyEntry {
  if (entry.lostAt !== undefined) return entry;
  const { wait: _, ...rest } = entry;
  return { ...rest, lostAt: now };
}

function byAllotment(a: KeyEntry, b: KeyEntry): number {
  return a.allottedAt - b.allottedAt || (a.selector < b.selector ? -1 : 1);
}
