import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../runtime/clock.ts";
import { joinPrimary } from "../../runtime/workers/join-primary.ts";

/** A worker for tests of what supervises it. Its task names how it behaves. */
const primary = await joinPrimary(systemClock);
const { number } = primary;
const say = (text: string): void =>
  void process.stdout.write(`${JSON.stringify({ number, pid: process.pid, text })}\n`);
switch (primary.task) {
  case "fails":
    await primary.failed("the port is in use");
    process.exit(2);
  case "crashes":
    process.exit(7);
  case "waits":
    await primary.stop;
    process.exit(0);
  default:
}
primary.ready(async (question) => {
  if (question === "hang") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  return { question, number };
});
say("ready");
await primary.stop;
if (primary.task === "overstays") await sleep(60_000);
say("stopped");
process.exit(0);
