import { createHash, randomBytes } from "node:crypto";

/** A message and what its client writes down of it. */
export interface SampleMessage {
  /** Message-ID without angle brackets. */
  readonly token: string;
  readonly content: Buffer;
}

/** Octets: most are small, a few are large. */
const sizes: readonly (readonly [share: number, least: number, most: number])[] = [
  [0.6, 1024, 4096],
  [0.25, 4096, 65_536],
  [0.12, 65_536, 262_144],
  [0.03, 262_144, 1_048_576],
];

/** Octets of a message, from 1 KiB to 1 MiB. */
export function drawSize(random: () => number): number {
  let chance = random();
  for (const [share, least, most] of sizes) {
    if (chance < share) return Math.round(least + random() * (most - least));
    chance -= share;
  }
  return 1_048_576;
}

/** Text that compresses badly, long enough for every message. */
const text = randomBytes(1_200_000).toString("base64").replaceAll(/.{76}/g, "$&\r\n");

/** A message of about `size` octets whose header bears the digest of its body. */
export function createMessage(token: string, from: string, size: number, random: () => number): SampleMessage {
  const start = Math.floor(random() * (text.length / 78 - size / 78 - 1)) * 78;
  const body = Buffer.from(text.slice(start, start + Math.max(78, Math.floor(size / 78) * 78)), "latin1");
  const header = `From: <${from}>\r\nMessage-ID: <${token}>\r\nX-Digest: ${digestOf(body)}\r\nSubject: soak\r\n\r\n`;
  return { token, content: Buffer.concat([Buffer.from(header), body]) };
}

function digestOf(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}

/** Message-ID of a message that arrived, and whether its body is the one that was sent. */
export function readMessage(content: Buffer): { readonly token: string; readonly intact: boolean } {
  const end = content.indexOf("\r\n\r\n");
  const header = content.subarray(0, end).toString("latin1");
  const token = /^Message-ID:\s*<([^>]+)>/im.exec(header)?.[1] ?? "";
  const digest = /^X-Digest: ([0-9a-f]{64})/im.exec(header)?.[1];
  return { token, intact: digest === digestOf(content.subarray(end + 4)) };
}
