import { createHash, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { KeyAlgorithm } from "../contract/key-secret.ts";

/** The public half of a DKIM key, as records and histories have it. */
export interface PublicHalf {
  /** As in `p=`: base64 of the SubjectPublicKeyInfo for RSA (RFC 6376), of the raw 32 bytes for Ed25519 (RFC 8463). */
  readonly publicKey: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly fingerprint: string;
}

/** A new DKIM key. */
export interface KeyPair extends PublicHalf {
  /** PKCS#8 PEM. */
  readonly privateKey: string;
}

const generate = promisify(generateKeyPair);

/** Makes a key pair in the thread pool: an RSA key takes a good part of a second. */
export async function makeKeyPair(algorithm: KeyAlgorithm): Promise<KeyPair> {
  const pair = await (algorithm === "RSA2048" ? generate("rsa", { modulusLength: 2048 }) : generate("ed25519"));
  const privateKey = pair.privateKey.export({ type: "pkcs8", format: "pem" });
  return { privateKey, ...publicHalf(pair.publicKey, algorithm) };
}

/** What a public key is in records and histories. */
export function publicHalf(key: KeyObject, algorithm: KeyAlgorithm): PublicHalf {
  const info = key.export({ type: "spki", format: "der" });
  return {
    publicKey: (algorithm === "RSA2048" ? info : rawPublicKey(key)).toString("base64"),
    fingerprint: createHash("sha256").update(info).digest("hex"),
  };
}

function rawPublicKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url");
}
