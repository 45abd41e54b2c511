import { StringDecoder } from "node:string_decoder";

/** Puts lines together from pieces of bytes, wherever these were cut; passes each on with its line end, whole. */
export interface WholeLines {
  push(piece: Buffer): void;
  /** Octets of a line whose end has not come. */
  readonly rest: () => number;
}

/** `onLine` gets one line after the other. What never ends is no line, and is dropped with the writer that died over it. */
export function wholeLines(onLine: (line: string) => void): WholeLines {
  const decoder = new StringDecoder("utf8");
  let pieces: string[] = [];
  return {
    push(piece) {
      const text = decoder.write(piece);
      let start = 0;
      for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
        const last = text.slice(start, end + 1);
        onLine(pieces.length === 0 ? last : pieces.join("") + last);
        pieces = [];
        start = end + 1;
      }
      if (start < text.length) pieces.push(text.slice(start));
    },
    rest: () => pieces.reduce((total, { length }) => total + length, 0),
  };
}
