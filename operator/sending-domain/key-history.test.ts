import { expect, test } from "vitest";
import type { PublicKey } from "../../contract/key-secret.ts";
import { decodeKeyHistory, encodeKeyHistory, mergeKeys, type KeyEntry } from "./key-history.ts";

const claim = { namespace: "team-shop", name: "example-com", domain: "example.com" };
const half = { publicKey: "AAAA", fingerprint: "a".repeat(64), createdAt: 1 };
const key: PublicKey = { claim, selector: "s2026q4", algorithm: "RSA2048", ...half };
const allotted: KeyEntry = { selector: "s2026q4", algorithm: "RSA2048", allottedAt: 1 };
const made: KeyEntry = { ...allotted, key: half };

test.each<[string, KeyEntry, PublicKey | undefined, Partial<KeyEntry>]>([
  ["was made", allotted, key, { key: half }],
  ["is not made yet", allotted, undefined, {}],
  ["is gone", made, undefined, { key: half, lostAt: 9 }],
  ["is another", made, { ...key, fingerprint: "b".repeat(64) }, { key: half, lostAt: 9 }],
  ["has another public half than the history says", made, { ...key, publicKey: "BBBB" }, { key: half, lostAt: 9 }],
  ["came back", { ...made, lostAt: 5 }, key, { key: half }],
  ["was imported, which the entry forgot", made, { ...key, imported: true }, { key: half, imported: true }],
  ["was imported at a selector that was allotted", allotted, { ...key, imported: true }, { key: half, imported: true }],
  ["was imported, which the Secret forgot", { ...made, imported: true }, key, { key: half, imported: true }],
])("a key that %s", (_, entry, seen, expected) => {
  const merged = mergeKeys([entry], { keys: seen ? [seen] : [], blocked: [] }, 9);
  expect(merged).toEqual([{ ...allotted, ...expected }]);
});

test.each<[string, readonly KeyEntry[], boolean]>([
  ["one entry a selector", [made, { ...made, selector: "s2026q4-2" }], true],
  ["two entries of one selector", [made, { ...allotted, retiredAt: 5 }], false],
])("a history with %s can be read: %s", (_, keys, expected) => {
  expect("value" in decodeKeyHistory(encodeKeyHistory({ version: 1, claim, keys: [...keys] }))).toBe(expected);
});
