/** A thread of `raw-keys.ts`: makes keys for so many seconds, and says how many a second that were. */
import { generateKeyPairSync } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";

const start = performance.now();
let count = 0;
while (performance.now() - start < Number(workerData) * 1000) {
  generateKeyPairSync("rsa", { modulusLength: 2048 });
  count += 1;
}
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- this is no window
parentPort?.postMessage((count / (performance.now() - start)) * 1000);
