import { characterStrings, handOverTtl, type HandOver } from "./record-text.ts";

/** The records as JSON for programs: each value whole, and in character strings of at most 255 octets. */
export function json({ domain, records }: HandOver): string {
  const listed = records.map((record) => ({
    ...record,
    // When a verdict changed says nothing of what to publish.
    verdictSince: undefined,
    ttl: handOverTtl,
    strings: characterStrings(record.value),
  }));
  return `${JSON.stringify({ domain, records: listed }, undefined, 2)}\n`;
}
