import type { KeyAlgorithm } from "../../contract/key-secret.ts";
import { parseTagList } from "./tag-list.ts";
import { joinedRecords, presentable, type Comparison, type ConclusiveAnswer } from "./verdict.ts";

/** What a DKIM record must say. */
export interface DkimKey {
  readonly algorithm: KeyAlgorithm;
  /** Base64, as in `p=`. */
  readonly publicKey: string;
}

const keyType: Readonly<Record<KeyAlgorithm, string>> = { RSA2048: "rsa", Ed25519: "ed25519" };

/** The record of a key (RFC 6376 §3.6.1, RFC 8463 §4). */
export function dkimValue(key: DkimKey): string {
  return `v=DKIM1; k=${keyType[key.algorithm]}; p=${key.publicKey}`;
}

/**
 * Compares what stands at a selector with the key that should. Valid: exactly one TXT record, which offers this key for
 * SHA-256 and mail. Anything else that stands there is a Mismatch: two records leave it to each receiver which one counts
 * (RFC 6376 §3.6.2.2), and a foreign key verifies nothing of ours.
 */
export function compareDkim(key: DkimKey, answer: ConclusiveAnswer): Comparison {
  const { algorithm, publicKey } = key;
  const before = lastCompared.get(answer);
  const isKnown = before?.publicKey === publicKey && before.algorithm === algorithm;
  const found = isKnown ? before.found : compared(key, answer);
  if (!isKnown) lastCompared.set(answer, { algorithm, publicKey, found });
  return { ...found, value: dkimValue(key) };
}

/** A comparison, without the value that anybody can make of the key. */
type Found = Omit<Comparison, "value">;

/** What an answer was found to be for the key that it was last compared with: it counts in every plan until another comes. */
const lastCompared = new WeakMap<ConclusiveAnswer, DkimKey & { readonly found: Found }>();

const valid: Found = { verdict: "Valid", explanation: "The DKIM record is published." };
const missing: Found = { verdict: "Missing", explanation: "The DKIM record is not published." };

function compared(key: DkimKey, answer: ConclusiveAnswer): Found {
  const found = joinedRecords(answer);
  const [record] = found;
  if (record === undefined) return missing;
  const observed = presentable(found);
  if (found.length > 1) {
    const explanation = `${found.length} TXT records stand at the selector where one must: remove the others.`;
    return { verdict: "Mismatch", observed, explanation };
  }
  const fault = faultOf(record, key);
  return fault === undefined ? valid : { verdict: "Mismatch", observed, explanation: fault };
}

/** What is wrong with a record for a key, in a sentence; undefined when nothing is. */
function faultOf(record: string, key: DkimKey): string | undefined {
  const tags = parseTagList(record);
  if (tags === undefined) return "The TXT record at the selector is not a DKIM record.";
  const [first] = tags.keys();
  if (tags.has("v") && (first !== "v" || tags.get("v") !== "DKIM1")) return "The record must begin with v=DKIM1.";
  return keyFault(tags.get("p")?.replaceAll(/\s/g, ""), tags.get("k") ?? "rsa", key) ?? useFault(tags);
}

function keyFault(published: string | undefined, type: string, key: DkimKey): string | undefined {
  if (published === undefined) return "The record has no p= tag.";
  if (published === "") return "The record revokes the key: its p= tag is empty.";
  if (type !== keyType[key.algorithm]) return `The record's k= tag is not ${keyType[key.algorithm]}.`;
  return published === key.publicKey ? undefined : partOf(published, key.publicKey);
}

function useFault(tags: ReadonlyMap<string, string>): string | undefined {
  if (!offers(tags.get("h"), "sha256")) return "The record's h= tag does not allow sha256.";
  if (!offers(tags.get("s"), "email")) return "The record's s= tag does not allow email.";
  if (listOf(tags.get("t")).includes("y")) return "The record's t= tag says y: receivers treat signatures as absent.";
  return undefined;
}

function partOf(published: string, expected: string): string {
  const cut = published.length >= 16 && (expected.startsWith(published) || expected.endsWith(published));
  return cut
    ? "The record holds only a part of the key: publish the whole value, in several strings if the zone wants that."
    : "The record holds another key.";
}

/** Whether a colon-separated tag names a word; an absent tag and `*` name all. */
function offers(tag: string | undefined, word: string): boolean {
  if (tag === undefined) return true;
  const words = listOf(tag);
  return words.includes(word) || words.includes("*");
}

function listOf(tag: string | undefined): readonly string[] {
  return (tag ?? "").split(":").map((word) => word.trim().toLowerCase());
}

/** The record of a revoked key (RFC 6376 §3.6.1: an empty p= means revoked). */
export const revokedValue = "v=DKIM1; p=";

/** Compares what stands at the selector of a revoked key with what should: a record that says so, or nothing at all. */
export function compareRevoked(answer: ConclusiveAnswer): Comparison {
  const found = joinedRecords(answer);
  const value = revokedValue;
  if (found.length === 0)
    return { verdict: "Valid", value, explanation: "Nothing stands at the revoked key's selector." };
  if (found.every((record) => parseTagList(record)?.get("p")?.trim() === ""))
    return { verdict: "Valid", value, explanation: "The record says that the key is revoked." };
  const explanation = "The key is revoked, and the record does not say so: publish it with an empty p= tag.";
  return { verdict: "Mismatch", value, observed: presentable(found), explanation };
}

/** Whether a key is offered by any of the records that stand at its selector, well formed or not. */
export function showsKey(key: DkimKey, answer: ConclusiveAnswer): boolean {
  return joinedRecords(answer).some((record) => record.replaceAll(/\s/g, "").includes(key.publicKey));
}
