/**
 * The load: a process of its own that submits messages over implicit TLS with AUTH, as fast as it can or at a rate.
 * Run by run-load.ts: `node test/bench/load.ts '<LoadOptions as JSON>'`; prints a LoadResult as JSON.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type LoadClient, openLoadClient } from "../harness/load-client.ts";

export interface LoadOptions {
  readonly port: number;
  /** The response of AUTH PLAIN. */
  readonly plain: string;
  readonly sender: string;
  /** Each message goes to one of them, in turn. */
  readonly recipients: readonly string[];
  readonly sessions: number;
  readonly seconds: number;
  /** One connection for many messages, or one each. */
  readonly reuse: boolean;
  /** False: commands go out one by one. */
  readonly pipelining?: boolean;
  /** Messages a second, spread evenly; as many as possible when absent. */
  readonly rate?: number;
  /** Never more messages than this. */
  readonly maxMessages: number;
}

export interface LoadResult {
  readonly accepted: number;
  readonly refused: number;
  /** The first reply that was not 250, if any. */
  readonly refusal?: string;
  /** From the first message to the last answer. */
  readonly seconds: number;
  /** Milliseconds from when a message was to be sent until its 250, waiting for a free session included. */
  readonly p50: number;
  readonly p99: number;
}

/** Octets of a message, header included. */
const messageSize = 4096;

function messageOf({ sender, recipients }: LoadOptions, number: number): readonly [recipient: string, message: Buffer] {
  const recipient = recipients[number % recipients.length] ?? "";
  const name = `${process.pid}.${number}`;
  const header = [
    `From: Shop <${sender}>`,
    `To: <${recipient}>`,
    `Subject: Order ${name}`,
    "Date: Sun, 22 Nov 2026 12:00:00 +0000",
    `Message-ID: <${name}@bench.example>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "",
    "",
  ].join("\r\n");
  const text = `${header}${filler.slice(0, messageSize - header.length - 2)}\r\n`;
  return [recipient, Buffer.from(text, "latin1")];
}

const filler = "Your order has left our warehouse, and will be with you on Thursday morning.\r\n".repeat(64);

interface Run {
  readonly options: LoadOptions;
  readonly start: number;
  readonly latencies: number[];
  next: number;
  refused: number;
  refusal: string | undefined;
}

async function session(run: Run, client: LoadClient): Promise<void> {
  const { options } = run;
  let connection: LoadClient | undefined = client;
  for (;;) {
    const number = run.next++;
    const due = options.rate === undefined ? performance.now() : run.start + (number / options.rate) * 1000;
    if (number >= options.maxMessages || due > run.start + options.seconds * 1000) break;
    const early = due - performance.now();
    if (early > 0) await sleep(early);
    connection ??= await openLoadClient(options);
    const [recipient, message] = messageOf(options, number);
    const answer = await connection.send(message, recipient);
    if (answer.startsWith("250")) run.latencies.push(performance.now() - due);
    else {
      run.refused += 1;
      run.refusal ??= answer;
    }
    if (options.reuse && !answer.startsWith("421")) continue;
    connection.close();
    connection = undefined;
  }
  connection?.close();
}

async function main(options: LoadOptions): Promise<LoadResult> {
  const clients = await Promise.all(Array.from({ length: options.sessions }, () => openLoadClient(options)));
  const run: Run = { options, start: performance.now(), latencies: [], next: 0, refused: 0, refusal: undefined };
  await Promise.all(clients.map((client) => session(run, client)));
  const seconds = (performance.now() - run.start) / 1000;
  const sorted = run.latencies.toSorted((a, b) => a - b);
  const quantile = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return {
    accepted: sorted.length,
    refused: run.refused,
    ...(run.refusal === undefined ? {} : { refusal: run.refusal }),
    seconds,
    p50: quantile(0.5),
    p99: quantile(0.99),
  };
}

if (process.argv[2] !== undefined) {
  const result = await main(JSON.parse(process.argv[2]) as LoadOptions);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
