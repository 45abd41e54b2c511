/** A header field as it stands in a message. */
export interface Field {
  /** Lower case, without white space before the colon. */
  readonly name: string;
  /** The whole field with its folds, one character an octet (latin1), without the final CRLF. */
  readonly text: string;
}

/** The header section of a message, and where its body starts. */
export interface HeaderSection {
  readonly fields: readonly Field[];
  /** Offset of the first octet of the body; the length of the content when there is none. */
  readonly bodyStart: number;
}

/**
 * Reads the header section (RFC 5322 §2.2) of a message whose lines end in CRLF. A line without a colon, and what is
 * folded under it, is no field and is left out.
 */
export function readHeader(content: Uint8Array): HeaderSection {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const { headerEnd, bodyStart } = findBody(bytes);
  const fields: Field[] = [];
  for (const text of bytes.toString("latin1", 0, headerEnd).split(/\r\n(?![ \t])/)) {
    const name = /^([!-9;-~]+)[ \t]*:/.exec(text)?.[1];
    if (name !== undefined) fields.push({ name: name.toLowerCase(), text });
  }
  return { fields, bodyStart };
}

function findBody(bytes: Buffer): { readonly headerEnd: number; readonly bodyStart: number } {
  if (bytes[0] === 13 && bytes[1] === 10) return { headerEnd: 0, bodyStart: 2 };
  const blank = bytes.indexOf("\r\n\r\n", 0, "latin1");
  if (blank < 0) return { headerEnd: bytes.length, bodyStart: bytes.length };
  return { headerEnd: blank, bodyStart: blank + 4 };
}
