import { availableParallelism, cpus } from "node:os";
import { palette, processTerminal } from "../../cli/terminal.ts";
import type { FloodReport } from "./flood.ts";
import type { RawLimits } from "./raw-limits.ts";

/** Rates are a second, latencies milliseconds, memory octets. */
export interface BenchReport {
  /** Of each measurement. */
  readonly seconds: number;
  readonly sessions: number;
  readonly raw: RawLimits;
  /** Accepting alone: sessions over TLS, decisions, and the store. */
  readonly front: {
    readonly reused: number;
    readonly each: number;
    readonly half: { readonly rate: number; readonly p50: number; readonly p99: number };
    readonly peakBytes: number;
  };
  /** Accepting alone, for one tenant while another floods. */
  readonly flood: FloodReport;
  /** `posthouse up`: accepting while it signs and delivers. */
  readonly whole: {
    readonly accepted: number;
    readonly delivered: number;
    readonly messages: number;
    readonly peakBytes: number;
  };
}

/** Prints a report: one JSON object, or an aligned table, coloured on a terminal. */
export function printReport(report: BenchReport, asJson: boolean): void {
  if (asJson) {
    console.log(JSON.stringify(report));
    return;
  }
  const paint = palette(processTerminal({ json: false }));
  const { raw, front, flood, whole } = report;
  const core = cpus()[0]?.model ?? "unknown processor";
  console.log(`${availableParallelism()} cores (${core}); 4 KiB messages, ${report.sessions} sessions over TLS 1.3`);
  section("the machine", [
    ["RSA-2048 signatures", rate(raw.rsaSignatures)],
    ["store commits, flushed, one writer", rate(raw.lmdbCommits)],
    ["flushes of a growing file", rate(raw.growingFlushes)],
    ["flushes of a file written over", rate(raw.overwritingFlushes)],
  ]);
  section("accepting alone, flushed before 250", [
    ["connections reused", rate(front.reused)],
    ["a connection for each message", rate(front.each)],
    [`latency at ${Math.round(front.half.rate)}/s, p50`, `${front.half.p50.toFixed(1)} ms`],
    [`latency at ${Math.round(front.half.rate)}/s, p99`, `${front.half.p99.toFixed(1)} ms`],
    ["peak memory (RssAnon)", mebibytes(front.peakBytes)],
  ]);
  section(`one tenant beside another's flood: ${flood.sent}/s, limited to ${flood.limit}/s`, [
    ["alone, p50 and p99", `${flood.quiet.p50.toFixed(1)} / ${flood.quiet.p99.toFixed(1)} ms`],
    [
      "the relay's part of a core",
      `${(flood.quiet.busy * 100).toFixed(0)} -> ${(flood.flooded.busy * 100).toFixed(0)} %`,
    ],
    ["beside the flood, p50 and p99", `${flood.flooded.p50.toFixed(1)} / ${flood.flooded.p99.toFixed(1)} ms`],
  ]);
  section("posthouse up: two signatures, delivered by MX without TLS", [
    ["accepted while delivering", rate(whole.accepted)],
    [`delivered, ${whole.messages} messages`, rate(whole.delivered)],
    ["peak memory (RssAnon)", mebibytes(whole.peakBytes)],
  ]);

  function section(title: string, rows: readonly (readonly [name: string, value: string])[]): void {
    console.log(`\n${paint.bold(title)}`);
    for (const [name, value] of rows) console.log(`  ${name.padEnd(38)}${value.padStart(16)}`);
  }
}

function rate(value: number): string {
  return `${Math.round(value)}/s`;
}

function mebibytes(octets: number): string {
  return `${Math.round(octets / 2 ** 20)} MiB`;
}
