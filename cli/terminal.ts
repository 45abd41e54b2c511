import { isatty } from "node:tty";
import picocolors from "picocolors";

/** Where a command writes, and how. Lines carry no line end. */
export interface Terminal {
  /** Results: what another program would read. */
  out(line: string): void;
  /** A result that is bytes, such as a message: written as they are, with no line end added. */
  bytes(content: Uint8Array): void;
  /** Progress, warnings and errors. */
  err(line: string): void;
  /** Shows a line of progress in place of the one before; absent where nobody watches a terminal. An empty one clears it. */
  readonly live?: (line: string) => void;
  /** Results as JSON instead of text. */
  readonly json: boolean;
  readonly color: boolean;
}

/** Exit codes of every command. */
export const exitCode = {
  ok: 0,
  /** It ran, and the answer is no: a problem was found, a record is not Valid, a message was refused. */
  failed: 1,
  /** It could not run: wrong usage, an unreadable file, a wrong fleet file, a port in use. */
  usage: 2,
} as const;

/** An error whose message tells the person at the terminal what to do. It needs no stack trace. */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** The process's own terminal: coloured when `NO_COLOR` is unset and standard output is a terminal. */
export function processTerminal(options: { json: boolean }): Terminal {
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    bytes: (content) => void process.stdout.write(content),
    err: (line) => void process.stderr.write(`${line}\n`),
    ...(isatty(2) && { live: (line: string) => void process.stderr.write(`\r\u001B[K${line}`) }),
    json: options.json,
    // `process.stdout.isTTY` is undefined of a pipe, and picocolors would then decide by CI and FORCE_COLOR.
    color: isatty(1) && picocolors.isColorSupported && !options.json,
  };
}

/** Colours for a terminal, or the same functions doing nothing. */
export function palette(terminal: Pick<Terminal, "color">): ReturnType<typeof picocolors.createColors> {
  return picocolors.createColors(terminal.color);
}

// eslint-disable-next-line no-control-regex -- the escape sequences of colours are control characters
const escapes = /\u001B\[[0-9;]*m/g;

const width = (cell: string): number => cell.replaceAll(escapes, "").length;

/** Rows as aligned columns, two spaces apart; the last column is not padded. Colour codes count as no width. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, width(cell))));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell + " ".repeat((widths[i] ?? 0) - width(cell))))
      .join("  ")
      .trimEnd(),
  );
}
