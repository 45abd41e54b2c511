import type { Decoded, ObjectData } from "./codec.ts";
import type { ClaimIdentity } from "./names.ts";

/** Algorithm of a DKIM key. */
export type KeyAlgorithm = "RSA2048" | "Ed25519";

/** The public half of a DKIM key, and whose it is: all that the operator's plans may hold. */
export interface PublicKey {
  readonly claim: ClaimIdentity;
  readonly selector: string;
  readonly algorithm: KeyAlgorithm;
  /** The value of the record's `p=` tag, base64: SubjectPublicKeyInfo for RSA (RFC 6376), the raw 32 bytes for Ed25519 (RFC 8463). */
  readonly publicKey: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly fingerprint: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Present on a key that its owner brought along: it proves nothing, and the Secret says so, should the history be lost. */
  readonly imported?: true;
}

/** The private half of a DKIM key: what the relay signs with. */
export interface PrivateKey {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: KeyAlgorithm;
  /** PKCS#8 PEM. Never logged. */
  readonly privateKey: string;
}

/** The data of a key Secret. */
export function encodeKeySecret(key: PublicKey, privateKey: string): ObjectData {
  return {
    algorithm: key.algorithm,
    createdAt: new Date(key.createdAt).toISOString(),
    domain: key.claim.domain,
    fingerprint: key.fingerprint,
    name: key.claim.name,
    namespace: key.claim.namespace,
    ...(key.imported && { origin: "Imported" }),
    privateKey,
    publicKey: key.publicKey,
    selector: key.selector,
  };
}

/** The public half of a key Secret; it does not look at the private one. */
export function decodePublicKey(data: ObjectData): Decoded<PublicKey> {
  const { algorithm, createdAt, domain, fingerprint, name, namespace, publicKey, selector } = data;
  if (!domain || !name || !namespace || !selector) return { error: "domain, name, namespace or selector is missing" };
  if (!isAlgorithm(algorithm)) return { error: "algorithm is neither RSA2048 nor Ed25519" };
  if (!publicKey || !/^[A-Za-z0-9+/]+={0,2}$/.test(publicKey)) return { error: "publicKey is not base64" };
  if (!fingerprint || !/^[0-9a-f]{64}$/.test(fingerprint)) return { error: "fingerprint is not 64 hex digits" };
  const created = Date.parse(createdAt ?? "");
  if (Number.isNaN(created)) return { error: "createdAt is not a time" };
  const key = { claim: { namespace, name, domain }, selector, algorithm, publicKey, fingerprint, createdAt: created };
  return { value: { ...key, ...originOf(data) } };
}

function originOf({ origin }: ObjectData): Pick<PublicKey, "imported"> {
  return origin === "Imported" ? { imported: true } : {};
}

/** The private half of a key Secret. That the PEM is a key of the algorithm shows when it is loaded. */
export function decodePrivateKey(data: ObjectData): Decoded<PrivateKey> {
  const { algorithm, domain, privateKey, selector } = data;
  if (!domain || !selector) return { error: "domain or selector is missing" };
  if (!isAlgorithm(algorithm)) return { error: "algorithm is neither RSA2048 nor Ed25519" };
  if (!privateKey?.startsWith("-----BEGIN PRIVATE KEY-----")) return { error: "privateKey is not PKCS#8 PEM" };
  return { value: { domain, selector, algorithm, privateKey } };
}

function isAlgorithm(text: string | undefined): text is KeyAlgorithm {
  return text === "RSA2048" || text === "Ed25519";
}
