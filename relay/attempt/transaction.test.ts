import { createServer, type AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../runtime/clock.ts";
import { startMxSink, type MxSink, type MxSinkOptions } from "../../test/harness/mx-sink.ts";
import type { Hop } from "../route/hop.ts";
import { attempt } from "./attempt.ts";
import { createPool, type Pool } from "./pool.ts";
import { openSession } from "./session.ts";
import { resetSession } from "./transaction.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function sinkOf(options: MxSinkOptions = {}): Promise<MxSink> {
  const sink = await startMxSink(options);
  closers.push(() => sink.close());
  return sink;
}

const timeouts = { connectTimeout: 2000, greetingTimeout: 2000, commandTimeout: 60_000, dataTimeout: 60_000 };

/** A pool of one connection. */
function onePool(): Pool {
  const options = { hostname: "relay.example", limits: timeouts, clock: systemClock };
  const pool = createPool({
    open: (hop, signal) => openSession(hop, options, signal),
    limits: { connectionsPerHop: 1, messagesPerConnection: 50, idleTimeout: 5000, unreachableFor: 1000 },
    clock: systemClock,
  });
  closers.push(() => pool.close());
  return pool;
}

function hopAt(port: number): Hop {
  return { host: "mx.example.net", address: "127.0.0.1", port, tls: { start: "Never", verify: false } };
}

const message = {
  sender: "",
  recipients: ["a@example.net"],
  content: [Buffer.from("x\r\n")],
  eightBit: false,
  smtpUtf8: false,
};

test("a session is reset again and again without a trace", async () => {
  const { port } = await sinkOf();
  const connection = new SMTPConnection({ host: "127.0.0.1", port, ignoreTLS: true });
  closers.push(() => connection.close());
  await new Promise<void>((resolve) => {
    connection.connect(() => resolve());
  });
  const listeners = connection.listenerCount("end");
  for (let i = 0; i < 3; i++) expect(await resetSession(connection, systemClock, 2000)).toBe(true);
  expect(connection.listenerCount("end")).toBe(listeners);
});

test("a hop that does not answer RSET keeps nobody, once time is up, from what it said before", async () => {
  const reached = Promise.withResolvers<void>();
  const { port } = await sinkOf({
    script: ({ stage }) => {
      if (stage === "RCPT") return { reply: "550 5.1.1 Unknown" };
      if (stage !== "RSET") return undefined;
      reached.resolve();
      return new Promise(() => undefined);
    },
  });
  const pool = onePool();
  const controller = new AbortController();
  const results = attempt(message, [hopAt(port)], pool, controller.signal);
  await reached.promise;
  controller.abort();
  expect((await results)[0]?.result.class).toBe("UnknownRecipient");
  expect(pool.size).toBe(0);
});

/** Answers every content twice, and everything else once. Keeps the contents that it took. */
async function stutterer(taken: string[]): Promise<number> {
  const server = createServer((socket) => {
    let content: string | undefined;
    socket.on("error", () => undefined).write("220 stutterer\r\n");
    createInterface(socket).on("line", (line) => {
      if (content === undefined) {
        if (line === "DATA") content = "";
        socket.write(line === "DATA" ? "354 go\r\n" : "250 ok\r\n");
      } else if (line === ".") {
        taken.push(content);
        content = undefined;
        socket.write("250 taken\r\n250 taken\r\n");
      } else content += line;
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

test("no message is taken for delivered by the reply to something else", async () => {
  const taken: string[] = [];
  const hops = [hopAt(await stutterer(taken))];
  const pool = onePool();
  closers.push(() => pool.close());
  const numbers = Array.from({ length: 12 }, (_, i) => `message ${i}`);
  const results = await Promise.all(
    numbers.map((text) => attempt({ ...message, content: [Buffer.from(`${text}\r\n`)] }, hops, pool)),
  );
  const delivered = numbers.filter((_, i) => results[i]?.[0]?.result.kind === "Success");
  expect(delivered.filter((text) => !taken.includes(text))).toEqual([]);
});
