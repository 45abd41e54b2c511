import type { Reply } from "./connection.ts";

/** Readers of what Redis answers. Each throws on what the script or command in question never answers. */
export function listOf(reply: Reply | undefined): readonly Reply[] {
  if (isList(reply)) return reply;
  throw new TypeError("Redis did not answer with a list");
}

export function bytesOf(reply: Reply | undefined): Buffer | undefined {
  if (reply === null) return undefined;
  if (Buffer.isBuffer(reply)) return reply;
  throw new TypeError("Redis did not answer with a string");
}

export function textOf(reply: Reply | undefined): string {
  const bytes = bytesOf(reply);
  if (bytes !== undefined) return bytes.toString("utf8");
  throw new TypeError("Redis answered with nothing");
}

export function numberOf(reply: Reply | undefined): number {
  if (typeof reply === "number") return reply;
  throw new TypeError("Redis did not answer with a number");
}

export function isList(reply: Reply | undefined): reply is readonly Reply[] {
  return Array.isArray(reply);
}
