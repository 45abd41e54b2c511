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
export function scanLines(scan: LineScan, chunk: Uint8Array): LineScan {
  if (scan.fault !== undefined) return scan;
  let { afterCr, lineLength } = scan;
  for (const octet of chunk) {
    if (afterCr) {
      if (octet !== lf) return { afterCr, lineLength, fault: "BareCarriageReturn" };
      afterCr = false;
      lineLength = 0;
    } else if (octet === cr) {
      afterCr = true;
    } else if (octet === lf) {
      return { afterCr, lineLength, fault: "BareLineFeed" };
    } else if (octet === 0) {
      return { afterCr, lineLength, fault: "Nul" };
    } else if (++lineLength > longestLine) {
      return { afterCr, lineLength, fault: "LongLine" };
    }
  }
  return { afterCr, lineLength };
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
