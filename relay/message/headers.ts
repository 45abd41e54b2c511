/** A header field of a message, by its place in the content. */
export interface HeaderField {
  /** Lower case. */
  readonly name: string;
  /** Offset of its first octet. */
  readonly start: number;
  /** Offset behind its colon. */
  readonly value: number;
  /** Offset behind its final CRLF. */
  readonly end: number;
}

/** The header section of a message (RFC 5322 §2.2), bytes untouched. */
export interface HeaderSection {
  readonly fields: readonly HeaderField[];
  /** Offset behind the last field's CRLF. */
  readonly end: number;
  /** An empty line follows, and behind it the body. */
  readonly hasBody: boolean;
}

/** Bounds that no honest message reaches; they keep the work for one message small. */
export const mostFields = 1000;
export const mostHeaderOctets = 256 * 1024;

/** Fields that RFC 5322 §3.6 and RFC 2045 allow once. Two of them, and every reader picks another one. */
const single: ReadonlySet<string> = new Set([
  "date",
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
  "message-id",
  "in-reply-to",
  "references",
  "subject",
  "mime-version",
  "content-type",
  "content-transfer-encoding",
]);

const colon = 58;
const lf = 10;

/**
 * Reads the header section of a message whose lines end in CRLF, or says in words why it cannot be read. A field name
 * with white space before its colon is a fault: to some readers it is the field, to others none.
 */
export function parseHeader(content: Buffer): HeaderSection | { readonly fault: string } {
  const fields: HeaderField[] = [];
  let start = 0;
  while (start < content.length && !isEmptyLine(content, start)) {
    const end = endOfField(content, start);
    if (end > mostHeaderOctets) return { fault: `its header is larger than ${mostHeaderOctets} octets` };
    const value = endOfName(content, start, end);
    if (value === undefined) return { fault: `line ${fields.length + 1} of its header is no header field` };
    if (fields.length === mostFields) return { fault: `it has more than ${mostFields} header fields` };
    fields.push({ name: content.toString("latin1", start, value - 1).toLowerCase(), start, value, end });
    start = end;
  }
  return { fields, end: start, hasBody: start < content.length };
}

/** The name of a field that may stand once and stands more often, or undefined. */
export function findRepeated(header: HeaderSection): string | undefined {
  const seen = new Set<string>();
  for (const { name } of header.fields) {
    if (single.has(name) && seen.has(name)) return name;
    seen.add(name);
  }
  return undefined;
}

/** The value of a field as text, unfolded (RFC 5322 §2.2.3), without the white space around it. */
export function fieldText(content: Buffer, field: HeaderField): string {
  const text = content.toString("utf8", field.value, field.end).replace(/\r\n(?=[ \t])|\r\n$/g, "");
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text[start])) start++;
  while (end > start && isBlank(text[end - 1])) end--;
  return text.slice(start, end);
}

/** White space of a header is space and tab: what trim() takes off beside them belongs to an address. */
function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t";
}

function isEmptyLine(content: Buffer, start: number): boolean {
  return content[start] === 13 && content[start + 1] === lf;
}

/** Behind the CRLF of the last line of the field: the next line does not begin with white space. */
function endOfField(content: Buffer, start: number): number {
  let end = start;
  for (;;) {
    const newline = content.indexOf(lf, end);
    end = newline < 0 ? content.length : newline + 1;
    const next = content[end];
    if (newline < 0 || end > mostHeaderOctets || (next !== 32 && next !== 9)) return end;
  }
}

/** Behind the colon of a field name (RFC 5322 §2.2: printable US-ASCII but the colon), or undefined. */
function endOfName(content: Buffer, start: number, end: number): number | undefined {
  for (let i = start; i < end; i++) {
    const octet = content[i] ?? 0;
    if (octet === colon) return i > start ? i + 1 : undefined;
    if (octet < 33 || octet > 126) return undefined;
  }
  return undefined;
}
