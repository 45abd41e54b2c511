import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import type { ObjectData } from "../contract/codec.ts";
import type { KeyAlgorithm } from "../contract/key-secret.ts";
import { remember } from "../runtime/remember.ts";
import { publicHalf, type KeyPair, type PublicHalf } from "./key-pair.ts";

/** The data key under which a Secret offers a private key. */
export const importDataKey = "privateKey";

/** What is known of a private key that may be imported: nothing of its private half. */
export interface ImportableKey extends PublicHalf {
  readonly algorithm: KeyAlgorithm;
  /** Of an RSA key the size of its modulus; 256 of an Ed25519 key. */
  readonly bits: number;
}

/** Why a private key cannot be imported. */
export type ImportFault =
  | "Absent"
  | "NotPem"
  | "Encrypted"
  | "Unreadable"
  | "OtherType"
  | "TooShort"
  | "TooLong"
  | "Inconsistent";

/** A private key to import, or why it cannot be. */
export type ImportReading = { readonly key: ImportableKey } | { readonly fault: ImportFault };

/** What each fault means, as the rest of a sentence about a Secret. */
export const importFaults: Readonly<Record<ImportFault, string>> = {
  Absent: `has no data key ${importDataKey}`,
  NotPem: `holds no private key in PEM (PKCS#8 or PKCS#1) under ${importDataKey}`,
  Encrypted: "holds a private key that is encrypted with a passphrase",
  Unreadable: "holds a private key that cannot be read",
  OtherType: "holds a private key that is neither RSA nor Ed25519",
  TooShort: "holds an RSA key of less than 2048 bits, which receivers may ignore",
  TooLong: "holds an RSA key of more than 4096 bits, which receivers need not verify (RFC 8301)",
  Inconsistent: "holds a private key that does not fit its own public half",
};

const longestPem = 16_384;
const fewestBits = 2048;
/** RFC 8301 §3.2: verifiers must be able to validate signatures with keys of up to 4096 bits. */
const mostBits = 4096;

/** Checks the private key that a Secret offers, and says what it is, without its private half. */
export const readImportKey: (data: ObjectData) => ImportReading = remember((data) => {
  const loaded = load(data);
  return "fault" in loaded ? loaded : { key: loaded.key };
});

/** Both halves of the key that a Secret offers, if it has this fingerprint; for who copies it, and nobody else. */
export function importableKey(
  data: ObjectData,
  fingerprint: string,
): (KeyPair & { readonly algorithm: KeyAlgorithm }) | undefined {
  const loaded = load(data);
  if ("fault" in loaded || loaded.key.fingerprint !== fingerprint) return undefined;
  const { algorithm, publicKey } = loaded.key;
  const privateKey = loaded.privateKey.export({ type: "pkcs8", format: "pem" });
  return { algorithm, publicKey, fingerprint, privateKey };
}

type Loaded = { readonly key: ImportableKey; readonly privateKey: KeyObject } | { readonly fault: ImportFault };

function load(data: ObjectData): Loaded {
  const text = data[importDataKey]?.trim() ?? "";
  const fault = faultOfText(text);
  if (fault !== undefined) return { fault };
  const privateKey = parse(text);
  return privateKey === undefined ? { fault: "Unreadable" } : judge(privateKey);
}

function faultOfText(text: string): ImportFault | undefined {
  if (text === "") return "Absent";
  if (/^-----BEGIN ENCRYPTED |^Proc-Type:.*ENCRYPTED/m.test(text)) return "Encrypted";
  return text.length > longestPem || !/^-----BEGIN (RSA )?PRIVATE KEY-----/.test(text) ? "NotPem" : undefined;
}

function judge(privateKey: KeyObject): Loaded {
  const algorithm = algorithmOf(privateKey);
  if (algorithm === undefined) return { fault: "OtherType" };
  const bits = algorithm === "RSA2048" ? (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) : 256;
  if (algorithm === "RSA2048" && bits < fewestBits) return { fault: "TooShort" };
  if (bits > mostBits) return { fault: "TooLong" };
  const publicKey = createPublicKey(privateKey);
  if (!fits(privateKey, publicKey)) return { fault: "Inconsistent" };
  return { key: { algorithm, bits, ...publicHalf(publicKey, algorithm) }, privateKey };
}

function algorithmOf({ asymmetricKeyType: type }: KeyObject): KeyAlgorithm | undefined {
  if (type === "rsa") return "RSA2048";
  return type === "ed25519" ? "Ed25519" : undefined;
}

/** A parser's own message could quote the key, so none is passed on. */
function parse(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pem, format: "pem" });
  } catch {
    return undefined;
  }
}

/** Whether the public half verifies what the private one signs: a file that was mended by hand may hold parts of two keys. */
function fits(privateKey: KeyObject, publicKey: KeyObject): boolean {
  const sample = Buffer.from("posthouse");
  const digest = privateKey.asymmetricKeyType === "rsa" ? "sha256" : null;
  try {
    return verify(digest, sample, publicKey, sign(digest, sample, privateKey));
  } catch {
    return false;
  }
}
