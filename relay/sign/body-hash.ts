import { createHash } from "node:crypto";
import { RelaxedBody } from "./canonicalise.ts";

/** Octets that are hashed at a stretch before others get their turn on the event loop: a few milliseconds. */
const stretch = 512 * 1024;

/**
 * The body hash of RFC 6376 §3.7: SHA-256 of the relaxed body, base64. `pause` lets others have their turn, and is
 * called between stretches of a large body.
 */
export async function bodyHash(body: Uint8Array, pause: () => Promise<void>): Promise<string> {
  const hash = createHash("sha256");
  const canonical = new RelaxedBody((bytes) => hash.update(bytes));
  for (let at = 0; at < body.length; at += stretch) {
    if (at > 0) await pause();
    canonical.update(body.subarray(at, at + stretch));
  }
  canonical.end();
  return hash.digest("base64");
}
