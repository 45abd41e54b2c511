import SMTPConnection from "nodemailer/lib/smtp-connection";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../runtime/clock.ts";
import { startMxSink, type MxSink, type MxSinkOptions } from "../../test/harness/mx-sink.ts";
import { attempt } from "./attempt.ts";
import { createPool } from "./pool.ts";
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
  const timeouts = { connectTimeout: 2000, greetingTimeout: 2000, commandTimeout: 60_000, dataTimeout: 60_000 };
  const pool = createPool({
    open: (hop, signal) =>
      openSession(hop, { hostname: "relay.example", limits: timeouts, clock: systemClock }, signal),
    limits: { connectionsPerHop: 1, messagesPerConnection: 50, idleTimeout: 5000, unreachableFor: 1000 },
    clock: systemClock,
  });
  closers.push(() => pool.close());
  const controller = new AbortController();
  const message = { sender: "", recipients: ["a@example.net"], content: [Buffer.from("x\r\n")] };
  const results = attempt(
    { ...message, eightBit: false, smtpUtf8: false },
    [{ host: "mx.example.net", address: "127.0.0.1", port, tls: { start: "Never", verify: false } }],
    pool,
    controller.signal,
  );
  await reached.promise;
  controller.abort();
  expect((await results)[0]?.result.class).toBe("UnknownRecipient");
  expect(pool.size).toBe(0);
});
