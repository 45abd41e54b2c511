/**
 * A primary with workers that accept: `node test/bench/front-workers.ts COUNT PLACE`. Says `listening <port>`, answers each
 * line of its input with `connections <of each worker>`, and ends with its input.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Registry } from "prom-client";
import { eventOfLine } from "../../relay/event/event-log.ts";
import { eventMetrics } from "../../relay/event/metrics.ts";
import { selfSignedCertificate } from "../../relay/session/self-signed.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { startWorkers } from "../../runtime/workers/supervise.ts";
import { freePorts } from "../harness/posthouse.ts";
import type { FrontTask } from "./front-worker.ts";

const [, , count = "1", place = ""] = process.argv;
const folder = await mkdtemp(join(tmpdir(), "posthouse-workers-"));
const certificate = await selfSignedCertificate(folder, "mail.example", Date.now());
const [port = 0] = await freePorts(1);
const task: FrontTask = { place, port, certificate };
const tell = eventMetrics(new Registry());
const workers = await startWorkers({
  count: Number(count),
  program: new URL("front-worker.ts", import.meta.url).pathname,
  task,
  onLine(line) {
    const event = eventOfLine(line);
    if (event !== undefined) tell(event);
  },
  onEnd: () => undefined,
  deadline: 5000,
  silence: 30_000,
  clock: systemClock,
  log: createLogger({ level: "error", destination: process.stderr }),
});
await rm(folder, { recursive: true });
async function tellConnections(): Promise<void> {
  const answers = await workers.ask("connections");
  process.stdout.write(`connections ${answers.map(({ answer }) => String(answer)).join(" ")}\n`);
}

process.stdout.write(`listening ${port}\n`);
createInterface({ input: process.stdin })
  .on("line", () => {
    void tellConnections();
  })
  .on("close", () => void workers.stop());
