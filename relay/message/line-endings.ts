/** What is wrong with the lines of a message. */
export type LineFault = "BareCarriageReturn" | "BareLineFeed" | "Nul" | "LongLine";

/** Where a scan stands between two chunks. Start with {@link startOfLines}. */
export interface LineScan {
  /** The last octet was a CR whose LF must come next. */
  readonly afterCr: boolean;
  /** Octets of the current line so far. */
  readonly lineLength: number;
  /** The first fault; nothing is looked at after it. */
  readonly fault?: LineFault;
}

/** RFC 5322 §2.1.1: octets of a line without its CRLF. */
export const longestLine = 998;

export const startOfLines: LineScan = { afterCr: false, lineLength: 0 };

const cr = 13;
const lf = 10;

/**
 * Scans the next chunk of a message. Lines must end in CRLF and nowhere hold CR, LF or NUL (RFC 5321 §2.3.8, §4.1.1.4):
 * what one server takes for the end of a message and another does not is how messages are smuggled. The result does
 * not depend on where the message was cut into chunks.
 */
export function scanLines(scan: LineScan, chunk: Buffer): LineScan {
  if (scan.fault !== undefined || chunk.length === 0) return scan;
  const found = followLines(scan, chunk);
  const nul = chunk.indexOf(0);
  if (nul >= 0 && !(found.fault !== undefined && found.at <= nul)) return { ...scan, fault: "Nul" };
  return found;
}

/** Where following the lines of a chunk has ended: at its end, or at the octet `at` with a fault. */
interface Followed extends LineScan {
  readonly at: number;
}

/** Goes from line end to line end. Buffer's own search reads many octets at a time, which a loop over them does not. */
function followLines({ afterCr, lineLength }: LineScan, chunk: Buffer): Followed {
  if (afterCr && chunk[0] !== lf) return { afterCr, lineLength, at: -1, fault: "BareCarriageReturn" };
  let start = afterCr ? 1 : 0;
  let length = afterCr ? 0 : lineLength;
  for (;;) {
    const crAt = indexOrEnd(chunk, cr, start);
    const lfAt = indexOrEnd(chunk, lf, start);
    const end = Math.min(crAt, lfAt);
    if (length + end - start > longestLine)
      return { afterCr: false, lineLength: length, at: start + longestLine - length, fault: "LongLine" };
    length += end - start;
    if (end === chunk.length) return { afterCr: false, lineLength: length, at: end };
    if (lfAt < crAt) return { afterCr: false, lineLength: length, at: lfAt, fault: "BareLineFeed" };
    if (crAt + 1 === chunk.length) return { afterCr: true, lineLength: length, at: crAt };
    if (lfAt > crAt + 1) return { afterCr: false, lineLength: length, at: crAt, fault: "BareCarriageReturn" };
    start = lfAt + 1;
    length = 0;
  }
}

function indexOrEnd(chunk: Buffer, octet: number, start: number): number {
  const at = chunk.indexOf(octet, start);
  return at < 0 ? chunk.length : at;
}

/** The fault of a whole message, when all of its chunks were scanned: a CR at its very end is bare too. */
export function endOfLines(scan: LineScan): LineFault | undefined {
  return scan.fault ?? (scan.afterCr ? "BareCarriageReturn" : undefined);
}

const words: Readonly<Record<LineFault, string>> = {
  BareCarriageReturn: "it holds a CR without LF (RFC 5321 section 2.3.8)",
  BareLineFeed: "it holds an LF without CR (RFC 5321 section 2.3.8)",
  Nul: "it holds a NUL octet",
  LongLine: `it holds a line of more than ${longestLine} octets (RFC 5322 section 2.1.1); encode it`,
};

/** A fault in words for the reply. */
export function describeLineFault(fault: LineFault): string {
  return words[fault];
}
