import { isatty } from "node:tty";
import { palette, processTerminal, table } from "../../cli/terminal.ts";
import type { Judgement, Row } from "./judge.ts";
import type { Progress, Soaked } from "./run.ts";

export interface Report {
  readonly text: string;
  readonly isGood: boolean;
}

/** Findings that are printed of each row. */
const mostFindings = 10;

/** What came of a soak, as a table with a verdict in each row. */
export function reportOf(
  { evidence, refusals, edits, drained }: Soaked,
  judgement: Judgement,
  color = isatty(1),
): Report {
  const paint = palette({ ...processTerminal({ json: false }), color });
  const { failures } = judgement;
  const verdict = (...concerned: readonly Row[]): string =>
    concerned.every((row) => failures[row].length === 0) ? paint.green("ok") : paint.red("FAILED");
  const memoryVerdict = (isTold: boolean, grows: boolean): string => {
    if (!isTold) return "too short to tell";
    return grows ? paint.red("FAILED") : paint.green("ok");
  };
  const { kills, outages } = evidence;
  const longest = Math.max(0, ...outages.map(({ from, until }) => until - from));
  const slow = outages.filter(({ kind }) => kind === "Slow").length;
  const untold = Object.values(judgement.untold).flat();
  const lines: (readonly string[])[] = [
    [
      "happened",
      `${kills.length} relays killed, Redis away ${outages.length - slow} times and slow ${slow} times (up to ${seconds(longest)}), ${edits} manifests edited, 1 roll-over`,
      "",
    ],
    ["accepted", `${judgement.answered} messages answered 250`, ""],
    [
      "delivered at least once",
      `${judgement.copies} copies, ${judgement.kept} captured, ${failures.lost.length} lost`,
      verdict("lost"),
    ],
    ["as sent, to whom it was sent", `${failures.foreign.length} otherwise`, verdict("foreign")],
    ["spool empty", `after ${seconds(drained)}, ${evidence.waiting} left`, verdict("waiting")],
    [
      "duplicates",
      `${judgement.duplicates.Kill} by a kill, ${judgement.duplicates.RedisAway} by Redis away, ${failures.duplicates.length} without a cause`,
      verdict("duplicates"),
    ],
    [
      "taken without a 250 seen",
      `${judgement.untold.Kill.length} by a kill, ${judgement.untold.RedisAway.length} by Redis away, ${failures.untold.length} without a cause`,
      verdict("untold"),
    ],
    ...judgement.credits.map(({ tenant, used, told, untold: more }) => [
      `credits of ${tenant}`,
      `${used} used = ${told} answered 250 + ${more} without`,
      failures.credits.some(({ subject }) => subject.startsWith(tenant)) ? paint.red("FAILED") : paint.green("ok"),
    ]),
    ...judgement.memory.map(({ process, peak, growth, isTold }) => [
      `memory of ${process}`,
      `peak ${mebibytes(peak)}, ${growth < 0 ? "-" : "+"}${mebibytes(Math.abs(growth))} in its second half`,
      memoryVerdict(
        isTold,
        failures.memory.some(({ subject }) => subject === process),
      ),
    ]),
    ["relays that ended by themselves", String(evidence.died.length), verdict("died")],
  ];
  const refused = [...refusals].toSorted(([, a], [, b]) => b - a).map(([reply, count]) => `  ${count} x ${reply}`);
  const wrong = Object.entries(failures).flatMap(([row, findings]) => {
    const shown = findings.slice(0, mostFindings).map(({ subject, why }) => `  ${row}: ${subject}: ${why}`);
    const more = findings.length - shown.length;
    return more === 0 ? shown : shown.concat(`  ${row}: ${more} more`);
  });
  const parts = [...table(lines), "", "refused meanwhile:", ...refused];
  if (untold.length > 0) parts.push("", `taken without a 250 seen: ${untold.join(" ")}`);
  if (wrong.length > 0) parts.push("", paint.red("what must not be:"), ...wrong);
  return { text: parts.join("\n"), isGood: wrong.length === 0 };
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function mebibytes(octets: number): string {
  return `${Math.round(octets / 2 ** 20)} MiB`;
}

export interface ProgressPrinter {
  readonly show: (progress: Progress) => void;
  /** Leaves the line empty. */
  readonly clear: () => void;
}

/** One line that is written over on a terminal; a line each ten seconds elsewhere. */
export function progressPrinter(length: number, isTerminal = isatty(1)): ProgressPrinter {
  let shown = -1;
  return {
    show({ phase, at, accepted, copies, kills, outages }) {
      const when = phase === "draining" ? "draining" : `${Math.floor(at / 1000)} of ${Math.round(length / 1000)} s`;
      const line = `${when}: ${accepted} accepted, ${copies} copies, ${kills} kills, Redis away ${outages} times`;
      const due = Math.floor(at / 10_000);
      if (isTerminal) process.stdout.write(`\r\u001B[K${line}`);
      else if (due > shown) console.log(line);
      shown = due;
    },
    clear() {
      if (isTerminal) process.stdout.write("\r\u001B[K");
    },
  };
}
