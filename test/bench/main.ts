/**
 * `make bench`: how many messages a second are accepted and delivered on this machine, beside what the machine could do
 * at best. `--json` prints one object; `--seconds N` is the length of each measurement (5). Load, sink and relay share
 * the cores. The store lies in `.cache/`, on the disk of the working tree: a file system in memory would flush nothing.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startLineProcess, type LineProcess } from "../harness/line-process.ts";
import { measureFlood } from "./flood.ts";
import type { LoadOptions, LoadResult } from "./load.ts";
import { watchMemory } from "./memory.ts";
import { measureRawLimits } from "./raw-limits.ts";
import { type Relay, startFront, startUp } from "./relays.ts";
import { type BenchReport, printReport } from "./report.ts";

const { values } = parseArgs({ options: { json: { type: "boolean" }, seconds: { type: "string", default: "5" } } });
const seconds = Math.min(60, Math.max(1, Number(values.seconds) || 5));
const sessions = 50;
const maxMessages = 200_000;
const program = (name: string): string => new URL(name, import.meta.url).pathname;

/** Runs the load in its own process. */
async function load(
  relay: Relay,
  options: Pick<LoadOptions, "reuse" | "seconds"> & { rate?: number },
): Promise<LoadResult> {
  const { port, plain, sender } = relay;
  const all: LoadOptions = { port, plain, sender, recipient: "anna@friend.example", sessions, maxMessages, ...options };
  const child = startLineProcess([process.execPath, program("load.ts"), JSON.stringify(all)]);
  const result = JSON.parse(await child.saw(/^\{/)) as LoadResult;
  await child.over();
  if (result.refusal !== undefined) throw new Error(`${result.refused} messages were refused: ${result.refusal}`);
  return result;
}

function perSecond(result: LoadResult): number {
  return result.accepted / result.seconds;
}

async function measureFront(folder: string): Promise<BenchReport["front"]> {
  const relay = await startFront(folder);
  const memory = watchMemory(relay.pid);
  try {
    await load(relay, { reuse: true, seconds: 1 });
    const reused = perSecond(await load(relay, { reuse: true, seconds }));
    const each = perSecond(await load(relay, { reuse: false, seconds }));
    const half = await load(relay, { reuse: true, seconds, rate: reused / 2 });
    return { reused, each, half: { rate: perSecond(half), p50: half.p50, p99: half.p99 }, peakBytes: memory.peak() };
  } finally {
    memory.stop();
    await relay.stop();
  }
}

async function measureWhole(folder: string): Promise<BenchReport["whole"]> {
  const sink = startLineProcess([process.execPath, program("sink.ts")]);
  const port = Number((await sink.saw(/^listening/)).split(" ")[1]);
  try {
    const relay = await startUp(folder, port);
    const memory = watchMemory(relay.pid);
    try {
      const start = performance.now();
      const { accepted, seconds: took } = await load(relay, { reuse: true, seconds });
      const end = await waitForAll(sink, accepted);
      return {
        accepted: accepted / took,
        delivered: (accepted / (end - start)) * 1000,
        messages: accepted,
        peakBytes: memory.peak(),
      };
    } finally {
      memory.stop();
      await relay.stop();
    }
  } finally {
    await sink.kill();
  }
}

/** Waits, at most two minutes, until the sink has that many. Returns when the last one came, on this process's clock. */
async function waitForAll(sink: LineProcess, count: number): Promise<number> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    const seen = sink.lines.length;
    sink.send("count");
    const line = await sink.saw(/^received/, seen);
    const [, received = "0", age = "0"] = line.split(" ");
    if (Number(received) >= count) return performance.now() - Number(age);
    if (performance.now() > deadline) throw new Error(`only ${received} of ${count} messages were delivered in time`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const cache = new URL("../../.cache/", import.meta.url).pathname;
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(`${cache}bench-`);
try {
  const raw = await measureRawLimits(folder, Math.min(2, seconds));
  const front = await measureFront(folder);
  const flood = await measureFlood({ folder: join(folder, "flood"), seconds, rounds: 3, steady: 200, limit: 20 });
  const whole = await measureWhole(folder);
  printReport({ seconds, sessions, raw, front, flood, whole }, values.json === true);
} finally {
  rmSync(folder, { recursive: true });
}
