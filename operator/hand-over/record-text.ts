import type { RecordStatus } from "../../crds/sending-domain.ts";

/** What is handed over: the records that a SendingDomain reports, and the domain that they are of. */
export interface HandOver {
  readonly domain: string;
  readonly records: readonly RecordStatus[];
}

/** Seconds that caches may hold a record that is published as handed over: an hour, so that a mistake is mended within one. */
export const handOverTtl = 3600;

/** A character string of a TXT record holds so many octets at most (RFC 1035 §3.3). */
const longestString = 255;

/**
 * A TXT value as octets: one for each character, as the DNS reader makes characters of octets; UTF-8 where a character
 * does not fit in one.
 */
export function octetsOf(value: string): Uint8Array {
  // oxlint-disable-next-line no-control-regex -- the range of one octet
  return Buffer.from(value, /^[\0-\u00FF]*$/.test(value) ? "latin1" : "utf8");
}

/** The octets in character strings of at most 255; at least one, which may be empty. */
export function stringsOf(octets: Uint8Array): readonly Uint8Array[] {
  if (octets.length <= longestString) return [octets];
  return [octets.subarray(0, longestString), ...stringsOf(octets.subarray(longestString))];
}

/** A TXT value in character strings of at most 255 octets, each octet as a character. */
export function characterStrings(value: string): readonly string[] {
  return stringsOf(octetsOf(value)).map((part) => Buffer.from(part).toString("latin1"));
}

/** Octets as they stand between the quotes of a zone file: printable ASCII, the rest as `\DDD` (RFC 1035 §5.1). */
export function escapeOctets(octets: Uint8Array): string {
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("latin1");
  return text.replaceAll(/["\\]|[^ -~]/g, (character) =>
    character === '"' || character === "\\" ? `\\${character}` : decimalEscape(character),
  );
}

/** A character of one octet by its number. */
function decimalEscape(character: string): string {
  return `\\${String(character.charCodeAt(0)).padStart(3, "0")}`;
}

/** A domain name as a zone file wants it, without the dot at its end: what is no letter, digit, `-`, `_` or dot as `\DDD`. */
export function escapeName(name: string): string {
  return Buffer.from(name, "utf8")
    .toString("latin1")
    .replaceAll(/[^A-Za-z0-9_.*-]/g, decimalEscape);
}

/** Text for one line of a comment: no control character can end the line. */
export function commentText(text: string): string {
  return /^[ -~]*$/.test(text) ? text : text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ");
}

/** Records that the owner of the domain publishes, grouped by name, in the order of their first. */
export function ownRecordSets({ records }: HandOver): readonly (readonly [RecordStatus, ...RecordStatus[]])[] {
  const sets = new Map<string, [RecordStatus, ...RecordStatus[]]>();
  for (const record of records) {
    if (record.publishIn !== undefined) continue;
    const key = `${record.type} ${record.fqdn}`;
    const set = sets.get(key);
    if (set) set.push(record);
    else sets.set(key, [record]);
  }
  return [...sets.values()];
}

/** Records that another domain's owner must publish. */
export function foreignRecords({ records }: HandOver): readonly RecordStatus[] {
  return records.filter(({ publishIn }) => publishIn !== undefined);
}

/** What a record is and how it stands, for a comment above it. */
export function titleOf({ purpose, verdict, explanation }: RecordStatus): string {
  return commentText(`${purpose}, ${verdict}${explanation === undefined ? "" : `. ${explanation}`}`);
}
