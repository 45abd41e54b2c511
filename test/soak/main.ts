/**
 * `make soak`: four relays on one Redis under load while relays are killed, Redis restarts and pauses, manifests change and
 * a day ends; then a table of what came of it. `--length 10m` and `--seed N`; relays, sink and clients share the cores.
 * Exit code 0 when every row is as it must be, 1 when one is not, 2 when it could not run, 130 after Ctrl-C.
 */
import { parseArgs } from "node:util";
import { parseDuration } from "../../runtime/duration.ts";
import { judge } from "./judge.ts";
import { progressPrinter, reportOf } from "./report.ts";
import { soak } from "./run.ts";

const { values } = parseArgs({ options: { length: { type: "string", default: "10m" }, seed: { type: "string" } } });
const length = Math.min(parseDuration("24h"), Math.max(parseDuration("20s"), parseDuration(values.length)));
const seed = Number(values.seed ?? Date.now() % 1_000_000);

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    // A second one does not wait for anybody; what runs is killed at exit.
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort(new Error("interrupted"));
  });

const progress = progressPrinter(length);
console.log(`soak: ${values.length}, seed ${seed} (again with SEED=${seed})`);
try {
  const soaked = await soak({
    length,
    seed,
    relays: 4,
    connections: 15,
    signal: interrupted.signal,
    onProgress: progress.show,
  });
  progress.clear();
  const judgement = judge(soaked.evidence);
  const report = reportOf(soaked, judgement);
  console.log(report.text);
  process.exitCode = report.isGood ? 0 : 1;
} catch (error) {
  progress.clear();
  if (!interrupted.signal.aborted) console.error(error);
  process.exitCode = interrupted.signal.aborted ? 130 : 2;
}
