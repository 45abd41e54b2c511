/** What `posthouse up` does from end to end: it accepts, signs with both keys and delivers to servers that take all. */
import { startLineProcess, type LineProcess } from "../harness/line-process.ts";
import { watchMemory } from "./memory.ts";
import { processorTime } from "./processor-time.ts";
import { friend, startUp } from "./relays.ts";
import { runAcceptedLoad } from "./run-load.ts";

/** Rates are messages a second. */
export interface Delivering {
  /** While it delivered. */
  readonly accepted: number;
  /** From the first message to the last one delivered. */
  readonly delivered: number;
  readonly messages: number;
  /** Milliseconds of processor time that the relay took for a message. */
  readonly processor: number;
  readonly peakBytes: number;
}

export interface DeliveringOptions {
  /** How long messages are submitted. */
  readonly seconds: number;
  readonly sessions: number;
  /** Servers that the mail is for; a relay opens so many connections to each, and no more. */
  readonly hops: number;
}

/** Milliseconds. */
const longestWait = 90_000;

/** On the embedded store, in a folder that is there. */
export async function measureDelivering(folder: string, options: DeliveringOptions): Promise<Delivering> {
  const { seconds, sessions, hops } = options;
  const addresses = Array.from({ length: hops }, (_, i) => `127.0.0.${i + 1}`);
  const sink = startLineProcess([process.execPath, new URL("sink.ts", import.meta.url).pathname, ...addresses]);
  const port = Number((await sink.saw(/^listening/)).split(" ")[1]);
  try {
    const relay = await startUp(folder, { addresses, port });
    const memory = watchMemory(relay.pid);
    try {
      const { plain, sender } = relay;
      const recipients = addresses.map((_, i) => `anna@${friend(i)}`);
      const to = { port: relay.port, plain, sender, recipients, sessions, reuse: true };
      const load = (length: number) => runAcceptedLoad({ ...to, seconds: length, maxMessages: 200_000 });
      const { accepted: early } = await load(1);
      await waitForAll(sink, early);
      const before = processorTime(relay.pid);
      const start = performance.now();
      const { accepted, seconds: took } = await load(seconds);
      const end = await waitForAll(sink, early + accepted);
      return {
        accepted: accepted / took,
        delivered: (accepted / (end - start)) * 1000,
        messages: accepted,
        processor: (processorTime(relay.pid) - before) / accepted,
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

/** Waits until the sink has that many. Returns when the last one came, on this process's clock. */
async function waitForAll(sink: LineProcess, count: number): Promise<number> {
  const deadline = performance.now() + longestWait;
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
