/** Tells what happens, a line or two a step; nothing else writes to standard output. */
import { palette, processTerminal } from "../../cli/terminal.ts";

export interface Narrator {
  /** A new chapter. */
  step(title: string): void;
  /** Something that was checked and is true. */
  good(text: string): void;
  /** Something to look at. */
  show(text: string): void;
}

/** A narrator of the process's own output: coloured on a terminal, plain when piped. */
export function narrator(): Narrator {
  const paint = palette(processTerminal({ json: false }));
  let number = 0;
  return {
    step(title) {
      number += 1;
      console.log(`\n${paint.bold(`${number}. ${title}`)}`);
    },
    good: (text) => console.log(`   ${paint.green("✓")} ${text}`),
    show: (text) => console.log(text.replaceAll(/^/gm, "     ")),
  };
}
