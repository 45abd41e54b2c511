import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

/** What an API key says: the id is public, the secret is 32 random bytes. */
export interface ApiKey {
  readonly id: string;
  readonly secret: Uint8Array;
}

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const idDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
const idLength = 12;
const secretBytes = 32;
const secretLength = 43;
const checkLength = 6;
const form = /^(ph_([a-z0-9]{12})_([0-9A-Za-z]{43}))([0-9A-Za-z]{6})$/;

/**
 * The API key `ph_<id>_<secret><crc>`: the secret in base 62, and the CRC-32 of all before it in base 62, so that scanners
 * and people recognise a key, and a mistyped one, without asking anybody. Throws a RangeError for an id or secret of another form.
 */
export function issueApiKey(id: string, secret: Uint8Array): string {
  if (!/^[a-z0-9]{12}$/.test(id)) throw new RangeError("an API key's id is 12 characters of a-z and 0-9");
  if (secret.length !== secretBytes) throw new RangeError(`an API key's secret is ${secretBytes} bytes`);
  const stem = `ph_${id}_${base62(toNumber(secret), secretLength)}`;
  return stem + checksum(stem);
}

/** The parts of an API key, or undefined when the text is not one: wrong form, wrong checksum, or a secret beyond 32 bytes. */
export function parseApiKey(text: string): ApiKey | undefined {
  const [, stem, id, secret, check] = form.exec(text) ?? [];
  if (stem === undefined || id === undefined || secret === undefined) return undefined;
  if (checksum(stem) !== check) return undefined;
  const value = fromBase62(secret);
  if (value >= 1n << BigInt(8 * secretBytes)) return undefined;
  return { id, secret: Buffer.from(value.toString(16).padStart(2 * secretBytes, "0"), "hex") };
}

/** SHA-256 of an API key's secret in hex: what contracts and records hold of it. 32 random bytes need no slow hash. */
export function hashSecret(secret: Uint8Array): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** An id made of 12 random bytes; 36 divides no power of 2, which costs an id a little entropy and no secrecy. */
export function apiKeyId(random: Uint8Array): string {
  if (random.length < idLength) throw new RangeError(`an API key's id needs ${idLength} random bytes`);
  return Array.from(random.subarray(0, idLength), (byte) => idDigits[byte % idDigits.length]).join("");
}

function checksum(stem: string): string {
  return base62(BigInt(crc32(stem)), checkLength);
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

function base62(value: bigint, length: number): string {
  let rest = value;
  let text = "";
  while (rest > 0n) {
    text = (digits[Number(rest % 62n)] ?? "") + text;
    rest /= 62n;
  }
  return text.padStart(length, "0");
}

function fromBase62(text: string): bigint {
  let value = 0n;
  for (const digit of text) value = value * 62n + BigInt(digits.indexOf(digit));
  return value;
}
