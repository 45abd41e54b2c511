import { availableParallelism, cpus } from "node:os";
import { palette, processTerminal } from "../../../cli/terminal.ts";
import { type Aim, isReached } from "../aims.ts";
import { aimsOf, certManager } from "./aims.ts";
import type { EditTimes } from "./edits.ts";
import type { Size } from "./population.ts";

/** What the operator did between two moments. */
export interface Phase {
  /** Until the last custom resource was so. */
  readonly allSeconds: number;
  /** Until the last write. */
  readonly idleSeconds: number;
  /** API writes a domain, Events too. */
  readonly writes: number;
  readonly byKind: Readonly<Record<string, number>>;
  /** Milliseconds of processor time a domain, all threads. */
  readonly processor: number;
  readonly peakRss: number;
}

export interface OperatorReport {
  readonly size: Size;
  /** The load average before the first measurement. */
  readonly loadBefore: number;
  /** RSA-2048 keys a second on all cores, before and after the operator made its own. */
  readonly rawBefore: number;
  readonly rawAfter: number;
  /** From the operator's start until every custom resource is Ready. `made`: RSA keys. */
  readonly keys: Phase & { readonly made: number; readonly startSeconds: number };
  /** From the moment at which DNS shows all records until every domain has a contract with keys that sign. */
  readonly published: Phase;
  /** An unchanged cluster. `processor`: the share of one core. */
  readonly rest: {
    readonly seconds: number;
    readonly writes: number;
    readonly processor: number;
    /** Domains checked a second. */
    readonly checks: number;
    /** Since the restart before. */
    readonly peakRss: number;
  };
  /** From the start of a new process until it has done all that there is to do. */
  readonly restart: {
    readonly readySeconds: number;
    /** Every custom resource was looked at. */
    readonly settledSeconds: number;
    /** The DNS of all domains was checked again, too. */
    readonly idleSeconds: number;
    readonly writes: number;
    readonly peakRss: number;
  };
  readonly edits: EditTimes & { readonly peakRss: number };
  readonly relay: { readonly readySeconds: number; readonly peakRss: number; readonly secrets: number };
}

type Row = readonly [name: string, ours: string, theirs?: string];

/** Prints a report: one JSON object, or an aligned table, coloured on a terminal. */
export function printReport(report: OperatorReport, asJson: boolean): void {
  const aims = aimsOf(report);
  if (asJson) {
    const judged = aims.map((aim) => ({ ...aim, reached: isReached(aim) }));
    console.log(JSON.stringify({ ...report, certManager, aims: judged }));
    return;
  }
  const paint = palette(processTerminal({ json: false }));
  const { domains, tenants } = report.size;
  const core = cpus()[0]?.model ?? "unknown processor";
  console.log(`${availableParallelism()} cores (${core}); ${domains} SendingDomains of ${tenants} RelayTenants`);
  for (const [title, rows] of sectionsOf(report)) {
    console.log(`\n${paint.bold(title)}`);
    for (const [name, ours, theirs = ""] of rows)
      console.log(`  ${name.padEnd(52)}${ours.padStart(14)}${theirs.padStart(16)}`.trimEnd());
  }
  console.log(`\n${paint.bold("what is aimed at")}`);
  for (const line of remarks(report)) console.log(`  ${line}`);
  for (const aim of aims) {
    const verdict = isReached(aim) ? paint.green("reached") : paint.yellow("not reached");
    console.log(`  ${aim.name}: ${amount(aim, aim.value)}, at most ${amount(aim, aim.aim)}: ${verdict}`);
  }
}

/** What the numbers do not say of themselves. */
function remarks({ size, loadBefore, rawBefore, rawAfter }: OperatorReport): readonly string[] {
  const isLoaded = loadBefore > 1;
  const isUneven = Math.max(rawBefore, rawAfter) > 1.2 * Math.min(rawBefore, rawAfter);
  return [
    ...(size.domains < 10_000
      ? ["The aims are for 10,000 domains: with fewer, the start of the process weighs more."]
      : []),
    ...(isLoaded ? [`The machine had other work (load ${loadBefore.toFixed(1)}): times are no verdict.`] : []),
    ...(isUneven ? ["The raw key rate changed by more than a fifth meanwhile: ratios to it are no verdict."] : []),
  ];
}

function sectionsOf(report: OperatorReport): readonly (readonly [string, readonly Row[]])[] {
  const { keys, published, rest, restart, edits, relay, rawBefore, rawAfter } = report;
  const rawSeconds = keys.made / ((rawBefore + rawAfter) / 2);
  const ratio = (time: number): string => `${(time / rawSeconds).toFixed(2)}x`;
  const events = (byKind: Phase["byKind"]): string =>
    (((byKind["create events"] ?? 0) + (byKind["patch events"] ?? 0)) / report.size.domains).toFixed(2);
  return [
    [
      "the machine",
      [
        ["RSA-2048 keys, all cores, before and after", `${rawBefore.toFixed(1)}, ${rawAfter.toFixed(1)}/s`],
        [`the raw time of ${keys.made} keys`, seconds(rawSeconds)],
      ],
    ],
    [
      "nothing but the custom resources; the operator starts".padEnd(56) +
        "Posthouse".padStart(12) +
        "cert-manager".padStart(16),
      [
        ["its start, until all lists are complete", seconds(keys.startSeconds)],
        ["all Ready", seconds(keys.allSeconds)],
        ["  in times of the raw keys", ratio(keys.allSeconds), `${certManager.readyRatio}x`],
        ["idle", seconds(keys.idleSeconds)],
        ["  in times of the raw keys", ratio(keys.idleSeconds), `${certManager.idleRatio}x`],
        ["peak resident memory", megabytes(keys.peakRss), megabytes(certManager.peakRss)],
        ["API writes a domain", keys.writes.toFixed(2), String(certManager.writes)],
        ["  of these Events", events(keys.byKind), String(certManager.eventWrites)],
        ["processor time of the operator a domain", milliseconds(keys.processor)],
      ],
    ],
    ["  each API write, for a domain", kindRows(keys.byKind, report.size)],
    [
      "DNS shows the records; each is found at its next check",
      [
        ["all have contracts with keys that sign", seconds(published.allSeconds)],
        ["API writes a domain", published.writes.toFixed(2)],
        ["  of these Events", events(published.byKind)],
        ["processor time of the operator a domain", milliseconds(published.processor)],
        ["peak resident memory", megabytes(published.peakRss)],
      ],
    ],
    ["  each API write, for a domain", kindRows(published.byKind, report.size)],
    [
      `at rest for ${rest.seconds.toFixed(0)} s, while domains are checked`,
      [
        ["API writes", String(rest.writes), String(certManager.restWrites)],
        ["processor, of one core", `${(rest.processor * 100).toFixed(2)} %`],
        ["domains checked a second", rest.checks.toFixed(1)],
        ["peak resident memory", megabytes(rest.peakRss)],
      ],
    ],
    [
      "restart",
      [
        ["ready", seconds(restart.readySeconds)],
        ["all looked at, nothing waits", seconds(restart.settledSeconds), seconds(certManager.restartSeconds)],
        ["idle: the DNS of all domains is checked, too", seconds(restart.idleSeconds)],
        ["API writes", String(restart.writes), String(certManager.restartWrites)],
        ["peak resident memory", megabytes(restart.peakRss)],
      ],
    ],
    [
      `${edits.edits} edits one after another, each until a relay's watch has it in the contract`,
      [
        ["p50", milliseconds(edits.p50), milliseconds(certManager.editP50)],
        ["p99", milliseconds(edits.p99), milliseconds(certManager.editP99)],
      ],
    ],
    [
      `a relay starts on ${relay.secrets} Secrets of the contract namespace`,
      [
        ["ready", seconds(relay.readySeconds)],
        ["peak resident memory", megabytes(relay.peakRss)],
      ],
    ],
  ];
}

function kindRows(byKind: Phase["byKind"], { domains }: Size): readonly Row[] {
  return Object.entries(byKind).map(([what, count]) => [`  ${what}`, (count / domains).toFixed(2)] as const);
}

function amount({ unit }: Aim, value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)}${unit}`;
}

function seconds(value: number): string {
  return `${value.toFixed(1)} s`;
}

function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
}

function megabytes(octets: number): string {
  return `${Math.round(octets / 1e6)} MB`;
}
