/**
 * `make bench`: how many messages a second are accepted and delivered on this machine, on both engines, beside what the
 * machine could do at best and what is aimed at. `--json` prints one object; `--seconds N` is the length of each
 * measurement (5: five minutes in all). Load, sink, Redis and relay share the cores. The stores lie on the disk of the
 * working tree and, Redis, on that of temporary files: a file system in memory would flush nothing.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureEmbedded, measureRedis } from "./accepting.ts";
import { measureDelivering } from "./delivering.ts";
import { measureFlood } from "./flood.ts";
import { measureRawLimits, rsaSignatures } from "./raw-limits.ts";
import { printReport } from "./report.ts";
import { measureWorkers } from "./workers.ts";

const { values } = parseArgs({ options: { json: { type: "boolean" }, seconds: { type: "string", default: "5" } } });
const seconds = Math.min(10, Math.max(1, Number(values.seconds) || 5));
const sessions = 50;

const cache = new URL("../../.cache/", import.meta.url).pathname;
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(`${cache}bench-`);
try {
  const [loadBefore = 0] = loadavg();
  const first = await measureRawLimits(folder, Math.min(2, seconds));
  const embedded = await measureEmbedded(join(folder, "front"), { seconds, sessions });
  const redis = await measureRedis({ seconds, sessions });
  const workers = await measureWorkers({ folder: join(folder, "workers"), seconds, sessions });
  const flood = await measureFlood({ folder: join(folder, "flood"), seconds, rounds: 3, steady: 200, limit: 20 });
  const [one, several] = [join(folder, "one"), join(folder, "several")];
  for (const each of [one, several]) mkdirSync(each);
  const whole = {
    one: await measureDelivering(one, { seconds, sessions, hops: 1 }),
    several: await measureDelivering(several, { seconds, sessions, hops: 8 }),
  };
  // The better of two, far apart: what else runs must not make the machine look slower than it is.
  const raw = { ...first, rsaSignatures: Math.max(first.rsaSignatures, await rsaSignatures(Math.min(2, seconds))) };
  printReport({ seconds, sessions, loadBefore, raw, embedded, redis, workers, flood, whole }, values.json === true);
} finally {
  rmSync(folder, { recursive: true });
}
