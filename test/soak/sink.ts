/**
 * The receiving server of a soak, in a process of its own. Says `listening <port>`, then a line of JSON for each message
 * that it takes; refuses a few for a while, by the seed of its first argument, and thinks each over for the milliseconds of its
 * second. Ends with its input.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { startMxSink } from "../harness/mx-sink.ts";
import { seededRandom } from "../harness/seeded-random.ts";
import type { Copy } from "./evidence.ts";
import { readMessage } from "./message.ts";

const [, , seed = "1", pause = "0"] = process.argv;
const random = seededRandom(Number(seed));
/** Share of messages that are refused for a while. */
const refused = 0.01;

const sink = await startMxSink({
  async script({ stage }) {
    if (stage !== "MESSAGE") return undefined;
    if (pause !== "0") await sleep(Number(pause));
    return random() < refused ? { reply: "451 4.3.0 Come again" } : undefined;
  },
  onMessage({ content, helo, recipients }) {
    const copy: Copy = { ...readMessage(content), recipients, relay: helo, at: Date.now() };
    process.stdout.write(`${JSON.stringify(copy)}\n`);
  },
});
process.stdout.write(`listening ${sink.port}\n`);
process.stdin.resume().on("end", () => process.exit(0));
