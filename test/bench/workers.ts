/** What several processes behind one port accept, beside one: how much of the further cores is gained. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startLineProcess } from "../harness/line-process.ts";
import { startRedis } from "../harness/redis.ts";
import { keyOf, plainOf } from "../harness/submission.ts";
import { runAcceptedLoad } from "./run-load.ts";

const rounds = 2;

/** The better of two rounds, in messages a second, with connections reused; the load shares the cores. */
export interface WorkersReport {
  readonly embedded: { readonly one: number; readonly two: number };
  readonly redis: { readonly one: number; readonly two: number };
}

export interface WorkersOptions {
  readonly folder: string;
  /** Of each measurement. */
  readonly seconds: number;
  readonly sessions: number;
}

/** One worker and two, on either engine. Each has its primary, which counts what they tell. */
export async function measureWorkers(options: WorkersOptions): Promise<WorkersReport> {
  const { folder } = options;
  mkdirSync(folder, { recursive: true });
  const embedded = await compare((count, round) => measure(count, join(folder, `${count}-${round}`), options));
  const server = await startRedis();
  try {
    return { embedded, redis: await compare((count) => measure(count, server.url, options)) };
  } finally {
    await server.close();
  }
}

/** Takes turns, so that what else the machine does falls on both. */
async function compare(
  run: (count: number, round: number) => Promise<number>,
): Promise<{ readonly one: number; readonly two: number }> {
  let [one, two] = [0, 0];
  for (let round = 0; round < rounds; round += 1) {
    one = Math.max(one, await run(1, round));
    two = Math.max(two, await run(2, round));
  }
  return { one, two };
}

async function measure(count: number, place: string, { seconds, sessions }: WorkersOptions): Promise<number> {
  const program = new URL("front-workers.ts", import.meta.url).pathname;
  const front = startLineProcess([process.execPath, program, String(count), place]);
  try {
    const port = Number((await front.saw(/^listening/)).split(" ")[1]);
    const load = {
      port,
      plain: plainOf(keyOf("production00")),
      sender: "orders@shop.example",
      recipients: ["anna@friend.example"],
      sessions,
      maxMessages: 200_000,
      reuse: true,
    };
    await runAcceptedLoad({ ...load, seconds: 1 });
    const { accepted, seconds: took } = await runAcceptedLoad({ ...load, seconds });
    return accepted / took;
  } finally {
    await front.kill();
  }
}
