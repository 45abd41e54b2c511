import { availableParallelism, cpus } from "node:os";
import { palette, processTerminal } from "../../cli/terminal.ts";
import type { Accepting, DearClients } from "./accepting.ts";
import { type Aim, aimsOf, isReached } from "./aims.ts";
import type { Delivering } from "./delivering.ts";
import type { FloodReport } from "./flood.ts";
import type { RawLimits } from "./raw-limits.ts";
import type { RedisUse } from "./redis-use.ts";
import type { WorkersReport } from "./workers.ts";

export interface BenchReport {
  /** Of each measurement. */
  readonly seconds: number;
  readonly sessions: number;
  /** The load average of the machine before the first measurement. */
  readonly loadBefore: number;
  readonly raw: RawLimits;
  /** Accepting alone, on the embedded store. */
  readonly embedded: Accepting & DearClients;
  /** Accepting alone, on Redis. */
  readonly redis: Accepting & RedisUse;
  /** Accepting alone, in one process and in two behind one port. */
  readonly workers: WorkersReport;
  /** Accepting alone, for one tenant while another floods. */
  readonly flood: FloodReport;
  /** From end to end, to one server and to several. */
  readonly whole: Readonly<Record<"one" | "several", Delivering>>;
}

type Rows = readonly (readonly [name: string, value: string])[];

/** Prints a report: one JSON object, or an aligned table, coloured on a terminal. */
export function printReport(report: BenchReport, asJson: boolean): void {
  const aims = aimsOf(report);
  if (asJson) {
    const judged = aims.map((aim) => ({ ...aim, reached: isReached(aim) }));
    console.log(JSON.stringify({ ...report, aims: judged }));
    return;
  }
  const paint = palette(processTerminal({ json: false }));
  const core = cpus()[0]?.model ?? "unknown processor";
  console.log(`${availableParallelism()} cores (${core}); 4 KiB messages, ${report.sessions} sessions over TLS 1.3`);
  for (const [title, rows] of sectionsOf(report)) {
    console.log(`\n${paint.bold(title)}`);
    for (const [name, value] of rows) console.log(`  ${name.padEnd(44)}${value.padStart(16)}`);
  }
  console.log(`\n${paint.bold("what is aimed at")}`);
  if (report.loadBefore > 1)
    console.log(
      `  The machine had other work (load ${report.loadBefore.toFixed(1)}): rates and latencies are no verdict.`,
    );
  for (const aim of aims) {
    const verdict = isReached(aim) ? paint.green("reached") : paint.yellow("not reached");
    console.log(`  ${aim.name}: ${amount(aim, aim.value)}, ${bound(aim)} ${amount(aim, aim.aim)}: ${verdict}`);
  }
}

function sectionsOf({
  raw,
  embedded,
  redis,
  workers,
  flood,
  whole,
}: BenchReport): readonly (readonly [string, Rows])[] {
  return [
    [
      "the machine",
      [
        ["RSA-2048 signatures, all cores", rate(raw.rsaSignatures)],
        ["flushes of a growing file", rate(raw.growingFlushes)],
        ["flushes of a file written over", rate(raw.overwritingFlushes)],
        ["commits of the embedded store, one writer", rate(raw.lmdbCommits)],
        ["SETs of 4 KiB on Redis, flushed, 50 at once", rate(raw.redisSets)],
      ],
    ],
    [
      "accepting alone, embedded store, flushed before 250",
      [
        ...acceptingRows(embedded),
        ["each command awaited", rate(embedded.awaiting)],
        ["a connection for each message", rate(embedded.each)],
      ],
    ],
    [
      "accepting alone, Redis with appendfsync always",
      [
        ...acceptingRows(redis),
        ["round trips a message", redis.roundTrips.toFixed(2)],
        ["processor time of Redis a message", milliseconds(redis.redisTime)],
      ],
    ],
    [
      "accepting alone, one worker and two, each telling its events to the primary",
      [
        ["embedded store: one, two", `${rate(workers.embedded.one)}, ${rate(workers.embedded.two)}`],
        ["Redis: one, two", `${rate(workers.redis.one)}, ${rate(workers.redis.two)}`],
      ],
    ],
    [
      `one tenant beside another's flood: ${flood.sent}/s, limited to ${flood.limit}/s`,
      [
        ["alone, p50 and p99", `${flood.quiet.p50.toFixed(1)} / ${flood.quiet.p99.toFixed(1)} ms`],
        ["beside the flood, p50 and p99", `${flood.flooded.p50.toFixed(1)} / ${flood.flooded.p99.toFixed(1)} ms`],
        [
          "the relay's part of a core",
          `${(flood.quiet.busy * 100).toFixed(0)} -> ${(flood.flooded.busy * 100).toFixed(0)} %`,
        ],
      ],
    ],
    ["posthouse up: two signatures, delivered to one MX without TLS", deliveringRows(whole.one)],
    ["posthouse up: two signatures, delivered to eight MX without TLS", deliveringRows(whole.several)],
  ];
}

function deliveringRows({ accepted, delivered, messages, processor, peakBytes }: Delivering): Rows {
  return [
    ["accepted while delivering", rate(accepted)],
    [`delivered, ${messages} messages`, rate(delivered)],
    ["processor time of the relay a message", milliseconds(processor)],
    ["peak memory (RssAnon)", mebibytes(peakBytes)],
  ];
}

function acceptingRows({ reused, half, processor, peakBytes }: Accepting): Rows {
  return [
    ["connections reused, commands pipelined", rate(reused)],
    [`latency at ${Math.round(half.rate)}/s, p50`, milliseconds(half.p50)],
    [`latency at ${Math.round(half.rate)}/s, p99`, milliseconds(half.p99)],
    ["processor time of the relay a message", milliseconds(processor)],
    ["peak memory (RssAnon)", mebibytes(peakBytes)],
  ];
}

function bound({ kind }: Aim): string {
  return kind === "Least" ? "at least" : "at most";
}

function amount({ unit }: Aim, value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)}${unit}`;
}

function rate(value: number): string {
  return `${Math.round(value)}/s`;
}

function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} ms`;
}

function mebibytes(octets: number): string {
  return `${Math.round(octets / 2 ** 20)} MiB`;
}
