// oxlint-disable eslint/no-underscore-dangle -- what smtp-server leaves to subclasses and applications bears such names
import type { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import type { Clock } from "../../runtime/clock.ts";

/** How a command line came. */
export interface LineForm {
  /** It ended in LF without CR. */
  readonly bareLineFeed: boolean;
  /** More input stood behind it in the same segment. */
  readonly followed: boolean;
  /** And that holds another line to its end. */
  readonly pipelined: boolean;
}

const lf = 10;
const cr = 13;
/** Lines that are handed on before others get a turn; their handlers may nest on the stack. */
const linesInARow = 32;

/**
 * Makes a parser of smtp-server take command lines one by one, and tells of each how it came before the parser handles
 * it: the parser itself cannot tell LF from CRLF, nor a command that waits for its reply from one that does not. A line
 * that the end of the connection cut off is no command.
 */
export function feedLineByLine(parser: SMTPStream, clock: Clock, onLine: (form: LineForm) => void): void {
  const write = parser._write.bind(parser);
  let previous: number | undefined;
  let inARow = 0;

  const feed: SMTPStream["_write"] = (chunk, encoding, next) => {
    const newline = parser.isClosed || parser._dataMode ? -1 : chunk.indexOf(lf);
    if (newline < 0) {
      if (!parser._dataMode && chunk.length > 0) previous = chunk[chunk.length - 1];
      return write(chunk, encoding, next);
    }
    const before = newline === 0 ? previous : chunk[newline - 1];
    previous = undefined;
    const rest = chunk.subarray(newline + 1);
    onLine({ bareLineFeed: before !== cr, followed: rest.length > 0, pipelined: rest.includes(lf) });
    write(chunk.subarray(0, newline + 1), encoding, (error) => {
      if (error || rest.length === 0) return next(error);
      if (++inARow % linesInARow === 0) clock.after(0, () => feed(rest, encoding, next));
      else feed(rest, encoding, next);
    });
  };
  parser._write = feed;
  parser._flushData = () => undefined;
}
