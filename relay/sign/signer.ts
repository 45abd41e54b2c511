/**
 * The DKIM signer (RFC 6376, RFC 8301, RFC 8463): relaxed/relaxed, SHA-256, RSA and Ed25519. mailauth verifies for us
 * everywhere else; signing is our own only because mailauth cannot sign the absence of a field, keep parsed keys,
 * or sign off the event loop.
 */
import { hash, sign as cryptoSign, type KeyObject } from "node:crypto";
import type { ContractKey } from "../../contract/tenant-contract.ts";
import { bodyHash } from "./body-hash.ts";
import { relaxedField } from "./canonicalise.ts";
import { readHeader, type HeaderSection } from "./fields.ts";
import { chooseHeader } from "./header-choice.ts";
import type { KeyRing } from "./key-ring.ts";
import { signedField, unsignedField, type SignatureTags } from "./tag-list.ts";

/**
 * The domain has no RSA key that may sign (`NoVisibleKey`): the message waits, for it never leaves unsigned, and to
 * receivers that know no Ed25519 (RFC 8463) one signed by that alone is. Temporary.
 */
export class NoSigningKey extends Error {
  override readonly name = "NoSigningKey";
}

/** Who signs, with what. */
export interface SignRequest {
  /** The signing domain, in A-labels. */
  readonly domain: string;
  /** The keys that the contract names; the message gets a signature of each. */
  readonly keys: readonly ContractKey[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface Signer {
  /**
   * The DKIM-Signature fields for a message, one for each key in their order, each ending in CRLF: put them before
   * the content and send both unchanged. The lines of the content must end in CRLF. Rejects with {@link NoSigningKey}
   * or `KeyUnavailable`, both temporary; there is no message with fewer signatures than keys.
   */
  sign(content: Uint8Array, request: SignRequest): Promise<Uint8Array>;
}

export interface SignerParts {
  readonly keyRing: KeyRing;
  /** Lets others have their turn on the event loop while a large body is hashed. */
  readonly pause: () => Promise<void>;
}

const algorithms: Readonly<Record<ContractKey["algorithm"], SignatureTags["algorithm"]>> = {
  RSA2048: "rsa-sha256",
  Ed25519: "ed25519-sha256",
};

/** A signer with the keys of a ring. */
export function createSigner(parts: SignerParts): Signer {
  return {
    async sign(content, request) {
      if (!request.keys.some(({ algorithm }) => algorithm === "RSA2048"))
        throw new NoSigningKey(`no RSA2048 DKIM key of ${request.domain} may sign now`);
      const keys = request.keys.map((named) => ({ named, key: parts.keyRing.key(named) }));
      const header = readHeader(content);
      const bodyDigest = await bodyHash(content.subarray(header.bodyStart), parts.pause);
      const covered = coverHeader(header);
      const fields = await Promise.all(
        keys.map(({ named, key }) => {
          const unsigned = unsignedField({
            algorithm: algorithms[named.algorithm],
            domain: request.domain,
            selector: named.selector,
            signedAt: request.now,
            names: covered.names,
            bodyHash: bodyDigest,
          });
          return signField(unsigned, covered.text, key);
        }),
      );
      return Buffer.from(fields.join(""), "latin1");
    },
  };
}

/** What every signature of a message covers beside its own field. */
function coverHeader(header: HeaderSection): { readonly names: readonly string[]; readonly text: string } {
  const { names, positions } = chooseHeader(header.fields.map((field) => field.name));
  let text = "";
  for (const position of positions) {
    const field = header.fields[position];
    if (field) text += `${relaxedField(field.text)}\r\n`;
  }
  return { names, text };
}

/** Signs the covered fields followed by the signature field itself without its value (RFC 6376 §3.7). */
async function signField(unsigned: string, covered: string, key: KeyObject): Promise<string> {
  const signature = await signBytes(Buffer.from(covered + relaxedField(unsigned), "latin1"), key);
  return signedField(unsigned, signature.toString("base64"));
}

/** Signs in libuv's thread pool. Ed25519 signs the SHA-256 of the data (RFC 8463 §3), RSA does its own hashing. */
function signBytes(data: Buffer, key: KeyObject): Promise<Buffer> {
  const isEd25519 = key.asymmetricKeyType === "ed25519";
  const message = isEd25519 ? hash("sha256", data, "buffer") : data;
  return new Promise((resolve, reject) => {
    cryptoSign(isEd25519 ? null : "sha256", message, key, (error, signature) => {
      if (error) reject(error);
      else resolve(signature);
    });
  });
}
