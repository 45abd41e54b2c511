import { generateKeyPairSync } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { importDataKey, importFaults, importableKey, readImportKey, type ImportFault } from "./import-key.ts";
import { publicHalf } from "./key-pair.ts";

const rsa = (bits: number) => generateKeyPairSync("rsa", { modulusLength: bits });
const pkcs8 = { type: "pkcs8", format: "pem" } as const;
const pkcs1 = { type: "pkcs1", format: "pem" } as const;
const good = rsa(2048);
const ed = generateKeyPairSync("ed25519");
const pem = good.privateKey.export(pkcs8);
const encrypted = { cipher: "aes-256-cbc", passphrase: "hush" };
const data = (text: string) => ({ [importDataKey]: text });

/** A PKCS#1 key (RFC 8017 §A.1.2) of 2048 bits or of a number that nobody has tried to factor. */
function strangeRsa(modulus: Buffer): string {
  const { e = "", d = "", p = "", q = "", dp = "", dq = "", qi = "" } = good.privateKey.export({ format: "jwk" });
  const numbers = [Buffer.of(0), modulus, ...[e, d, p, q, dp, dq, qi].map((text) => Buffer.from(text, "base64url"))];
  const der = element(0x30, Buffer.concat(numbers.map((each) => element(0x02, positive(each)))));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN RSA PRIVATE KEY-----", ...lines, "-----END RSA PRIVATE KEY-----", ""].join("\n");
}

function positive(number: Buffer): Buffer {
  return (number[0] ?? 0) < 128 ? number : Buffer.concat([Buffer.of(0), number]);
}

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head = length < 128 ? [length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...head), content]);
}

describe("a key that is imported", () => {
  const half = publicHalf(good.publicKey, "RSA2048");
  test.each([
    ["RSA in PKCS#8", pem, { algorithm: "RSA2048", bits: 2048, ...half }],
    ["RSA in PKCS#1", good.privateKey.export(pkcs1), { algorithm: "RSA2048", bits: 2048, ...half }],
    ["blank lines around it", `\n\n${pem}\n\n`, { algorithm: "RSA2048", bits: 2048, ...half }],
    ["lines that end in CRLF", pem.replaceAll("\n", "\r\n"), { algorithm: "RSA2048", bits: 2048, ...half }],
    [
      "Ed25519",
      ed.privateKey.export(pkcs8),
      { algorithm: "Ed25519", bits: 256, ...publicHalf(ed.publicKey, "Ed25519") },
    ],
  ])("is read: %s", (_, text, key) => {
    expect(readImportKey(data(text))).toEqual({ key });
    expect(importableKey(data(text), key.fingerprint)?.privateKey).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(importableKey(data(text), "0".repeat(64))).toBeUndefined();
  });

  test("is copied in PKCS#8, whatever it came in", () => {
    expect(importableKey(data(good.privateKey.export(pkcs1)), half.fingerprint)?.privateKey).toBe(pem);
  });
});

describe("a key that is refused", () => {
  let bad: Readonly<Record<string, string>>;
  beforeAll(() => {
    bad = {
      nothing: "",
      "a public key": good.publicKey.export({ type: "spki", format: "pem" }),
      words: "hush",
      "too long to be a key": `${pem}${"A".repeat(20_000)}`,
      "encrypted PKCS#8": good.privateKey.export({ ...pkcs8, ...encrypted }),
      "encrypted PKCS#1": good.privateKey.export({ ...pkcs1, ...encrypted }),
      "cut off": pem.slice(0, 600),
      "an elliptic curve": generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export(pkcs8),
      "RSA-PSS": generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).privateKey.export(pkcs8),
      "RSA of 1024 bits": rsa(1024).privateKey.export(pkcs8),
      "RSA of 4104 bits": strangeRsa(Buffer.alloc(513, 0xff)),
      "parts of two keys": strangeRsa(Buffer.alloc(256, 0xff)),
    };
  });
  test.each<[string, ImportFault]>([
    ["nothing", "Absent"],
    ["a public key", "NotPem"],
    ["words", "NotPem"],
    ["too long to be a key", "NotPem"],
    ["encrypted PKCS#8", "Encrypted"],
    ["encrypted PKCS#1", "Encrypted"],
    ["cut off", "Unreadable"],
    ["an elliptic curve", "OtherType"],
    ["RSA-PSS", "OtherType"],
    ["RSA of 1024 bits", "TooShort"],
    ["RSA of 4104 bits", "TooLong"],
    ["parts of two keys", "Inconsistent"],
  ])("%s: %s", (what, fault) => {
    const text = bad[what] ?? "";
    expect(readImportKey(data(text))).toEqual({ fault });
    expect(importableKey(data(text), "")).toBeUndefined();
    expect(importFaults[fault]).toMatch(/^(has|holds) /);
  });

  test("no data key at all", () => expect(readImportKey({ "tls.key": pem })).toEqual({ fault: "Absent" }));
});
