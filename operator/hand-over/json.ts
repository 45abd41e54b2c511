import { characterStrings, handOverTtl, type HandOver } from "./record-text.ts";

/** The records as JSON for programs: each value whole, and in character strings of at most 255 octets. */
export function json({ domain, records }: HandOver): string {
  // One order, whoever made the record: an API server sorts members, and a text that differs is a write. When a verdict
  // changed says nothing of what to publish.
  const listed = records.map(({ purpose, type, fqdn, name, value, verdict, observed, explanation, publishIn }) => ({
    purpose,
    type,
    fqdn,
    name,
    value,
    verdict,
    observed,
    explanation,
    publishIn,
    ttl: handOverTtl,
    strings: characterStrings(value),
  }));
  return `${JSON.stringify({ domain, records: listed }, undefined, 2)}\n`;
}
