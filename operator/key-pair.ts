import { createHash, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { KeyAlgorithm } from "../contract/key-secret.ts";

/** A new DKIM key. */
export interface KeyPair {
  /** PKCS#8 PEM. */
  readonly privateKey: string;
  /** As in `p=`: base64 of the SubjectPublicKeyInfo for RSA (RFC 6376), of the raw 32 bytes for Ed25519 (RFC 8463). */
  readonly publicKey: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly fingerprint: string;
}

const generate = promisify(generateKeyPair);

/** Makes a key pair in the thread pool: an RSA key takes a good part of a second. */
export async function makeKeyPair(algorithm: KeyAlgorithm): Promise<KeyPair> {
  const pair = await (algorithm === "RSA2048" ? generate("rsa", { modulusLength: 2048 }) : generate("ed25519"));
  const privateKey = pair.privateKey.export({ type: "pkcs8", format: "pem" });
  const info = pair.publicKey.export({ type: "spki", format: "der" });
  return {
    privateKey,
    publicKey: algorithm === "RSA2048" ? info.toString("base64") : rawPublicKey(pair.publicKey).toString("base64"),
    fingerprint: createHash("sha256").update(info).digest("hex"),
  };
}

function rawPublicKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url");
}
