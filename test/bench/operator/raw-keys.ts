/** How many RSA-2048 keys a second the machine makes with nothing of Posthouse in the way: one thread a core. */
import { availableParallelism } from "node:os";
import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** Keys a second on all cores together, made for so long. What else runs on the machine lowers it. */
export async function rawKeyRate(seconds: number): Promise<number> {
  const file = new URL("raw-keys-worker.ts", import.meta.url);
  const rates = await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      const [rate] = (await once(new Worker(file, { workerData: seconds }), "message")) as [number];
      return rate;
    }),
  );
  return rates.reduce((sum, rate) => sum + rate, 0);
}
