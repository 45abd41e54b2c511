import { randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { startMxSink, type MxSink, type MxSinkOptions } from "../../test/harness/mx-sink.ts";
import type { MxBehaviour } from "../../test/harness/mx-script.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { Hop, HopTls } from "../route/hop.ts";
import { attempt, type AttemptRequest } from "./attempt.ts";
import { createPool, type Pool } from "./pool.ts";
import { openSession, type SessionLimits } from "./session.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const limits: SessionLimits = {
  connectTimeout: 2000,
  greetingTimeout: 2000,
  commandTimeout: 2000,
  dataTimeout: 2000,
};

function poolOf(some: Partial<SessionLimits> = {}, messagesPerConnection = 50): Pool {
  const options = { hostname: "relay.example", limits: { ...limits, ...some }, clock: systemClock };
  const pool = createPool({
    open: (hop, signal) => openSession(hop, options, signal),
    limits: { connectionsPerHop: 2, messagesPerConnection, idleTimeout: 5000, unreachableFor: 1000 },
    clock: systemClock,
  });
  closers.push(() => pool.close());
  return pool;
}

async function sinkOf(options: MxSinkOptions = {}): Promise<MxSink> {
  const sink = await startMxSink(options);
  closers.push(() => sink.close());
  return sink;
}

const plain: HopTls = { start: "Never", verify: false };
const opportunistic: HopTls = { start: "IfOffered", verify: false };

function hopTo({ port }: { readonly port: number }, tls: HopTls = plain): Hop {
  return { host: "mx.example.net", address: "127.0.0.1", port, tls };
}

function request(some: Partial<AttemptRequest> = {}): AttemptRequest {
  return {
    sender: "bounce@example.com",
    recipients: ["a@example.net"],
    content: [Buffer.from("Subject: x\r\n\r\n"), Buffer.from("Hello\r\n")],
    eightBit: false,
    smtpUtf8: false,
    ...some,
  };
}

/** A server that writes what the test wants to a client, line by line. */
async function rawServer(onConnect: (socket: Socket) => void): Promise<{ readonly port: number }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    onConnect(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port };
}

/** Offers STARTTLS, and then speaks no TLS; without STARTTLS it takes messages. */
const brokenTls = (seen: string[]) => (socket: Socket) => {
  socket.write("220 broken\r\n");
  let plainTalk = true;
  let inData = false;
  socket.on("data", (data: Buffer) => {
    if (!plainTalk) return socket.end("this is no TLS\r\n");
    for (const line of data.toString("latin1").split("\r\n").slice(0, -1)) {
      if (inData) {
        if (line !== ".") continue;
        inData = false;
        socket.write("250 2.0.0 taken\r\n");
        continue;
      }
      seen.push(line.slice(0, 4));
      if (line.startsWith("EHLO")) socket.write("250-broken\r\n250 STARTTLS\r\n");
      else if (line.startsWith("STARTTLS")) {
        plainTalk = false;
        socket.write("220 go\r\n");
      } else if (line.startsWith("DATA")) {
        inData = true;
        socket.write("354 go\r\n");
      } else socket.write("250 2.0.0 ok\r\n");
    }
    return undefined;
  });
};

describe("attempt", () => {
  test("delivers the parts of the content one after the other, to every recipient", async () => {
    const sink = await sinkOf();
    const results = await attempt(request({ recipients: ["a@example.net", "b@example.net"] }), [hopTo(sink)], poolOf());
    expect(results).toEqual([
      expect.objectContaining({
        recipient: "a@example.net",
        result: { kind: "Success", class: "Delivered", enhanced: "2.0.0", text: expect.stringContaining("250 2.0.0") },
        hop: { host: "mx.example.net", address: "127.0.0.1", port: sink.port },
      }),
      expect.objectContaining({ recipient: "b@example.net" }),
    ]);
    expect(sink.received[0]).toMatchObject({ helo: "relay.example", sender: "bounce@example.com", secure: false });
    expect(sink.received[0]?.content.toString()).toBe("Subject: x\r\n\r\nHello\r\n");
  });

  test("does not alter an octet: dots at line starts, 8-bit, long lines, a large body", async () => {
    const sink = await sinkOf();
    const body = randomBytes(300_000)
      .toString("latin1")
      .replace(/[\r\n]/g, "x");
    const lines = [".", "..", ".leading", "", ".\u00ff\u0000 8-bit", "x".repeat(5000), body, "", "."];
    const content = Buffer.from(`Subject: x\r\n\r\n${lines.join("\r\n")}\r\n`, "latin1");
    const parts = [content.subarray(0, 15), content.subarray(15, 17), content.subarray(17)];
    await attempt(request({ content: parts, eightBit: true }), [hopTo(sink)], poolOf());
    expect(sink.received[0]?.content.equals(content)).toBe(true);
  });

  test("sends the null reverse-path", async () => {
    const sink = await sinkOf();
    await attempt(request({ sender: "" }), [hopTo(sink)], poolOf());
    expect(sink.received[0]?.sender).toBe("");
  });

  const stages: readonly { stage: string; reply: string; drop?: boolean; want: object }[] = [
    { stage: "CONNECT", reply: "554 No", want: { kind: "Permanent", class: "PolicyRejected", enhanced: "5.0.0" } },
    { stage: "CONNECT", reply: "421 Busy", want: { kind: "Temporary", class: "ServiceUnavailable" } },
    { stage: "EHLO", reply: "421 4.3.2 Stopping", want: { kind: "Temporary", class: "SystemTrouble" } },
    { stage: "MAIL", reply: "451 4.3.0 Later", want: { kind: "Temporary", class: "SystemTrouble", enhanced: "4.3.0" } },
    { stage: "MAIL", reply: "550 5.7.1 SPF fail", want: { kind: "Permanent", class: "Unauthenticated" } },
    { stage: "RCPT", reply: "450 4.2.0 Greylisted", want: { kind: "Temporary" } },
    {
      stage: "RCPT",
      reply: "550 5.1.1 Unknown",
      want: { kind: "Permanent", class: "UnknownRecipient", enhanced: "5.1.1" },
    },
    { stage: "RCPT", reply: "421 5.7.0 Slow down", want: { kind: "Temporary", enhanced: "4.7.0" } },
    { stage: "RCPT", reply: "552 too many recipients", want: { kind: "Temporary", class: "TooManyRecipients" } },
    { stage: "DATA", reply: "451 4.3.0 Later", want: { kind: "Temporary", enhanced: "4.3.0" } },
    { stage: "DATA", reply: "554 5.5.1 No", want: { kind: "Permanent", enhanced: "5.5.1" } },
    { stage: "MESSAGE", reply: "451 4.3.0 Later", want: { kind: "Temporary", enhanced: "4.3.0" } },
    { stage: "MESSAGE", reply: "554 5.6.0 Spam", want: { kind: "Permanent", class: "ContentRejected" } },
    { stage: "MESSAGE", reply: "421 4.3.0 Stopping", drop: true, want: { kind: "Temporary", enhanced: "4.3.0" } },
  ];
  for (const without of [[], ["PIPELINING"]] as const)
    test.each(stages)(
      `$stage answered with $reply, without ${without.join()}`,
      async ({ stage, reply, drop, want }) => {
        const behaviour: MxBehaviour = { reply, ...(drop === undefined ? {} : { drop }) };
        const sink = await sinkOf({ without, script: (step) => (step.stage === stage ? behaviour : undefined) });
        const [result] = await attempt(request(), [hopTo(sink)], poolOf());
        expect(result?.result).toMatchObject(want);
        expect(result?.result.text).toContain(reply.slice(4));
      },
    );

  for (const without of [[], ["PIPELINING"]] as const)
    test(`gives each recipient its own result, without ${without.join()}`, async () => {
      const refused: Readonly<Record<string, string>> = { "b@": "550 5.1.1 Unknown", "c@": "450 4.2.1 Busy" };
      const sink = await sinkOf({
        without,
        script: ({ stage, line }) => {
          const reply =
            stage === "RCPT" ? Object.entries(refused).find(([part]) => line.includes(part))?.[1] : undefined;
          return reply === undefined ? undefined : { reply };
        },
      });
      const recipients = ["a@example.net", "b@example.net", "c@example.net", "d@example.net"];
      const results = await attempt(request({ recipients }), [hopTo(sink)], poolOf());
      expect(results.map(({ result }) => `${result.kind} ${result.enhanced}`)).toEqual([
        "Success 2.0.0",
        "Permanent 5.1.1",
        "Temporary 4.2.1",
        "Success 2.0.0",
      ]);
      expect(sink.received[0]?.recipients).toEqual(["a@example.net", "d@example.net"]);
    });

  test("keeps a recipient's own refusal when the content is deferred", async () => {
    const sink = await sinkOf({
      script: ({ stage, line }) => {
        if (stage === "RCPT" && line.includes("b@")) return { reply: "550 5.1.1 Unknown" };
        return stage === "MESSAGE" ? { reply: "451 4.3.0 Later" } : undefined;
      },
    });
    const results = await attempt(request({ recipients: ["a@example.net", "b@example.net"] }), [hopTo(sink)], poolOf());
    expect(results.map(({ result }) => result.enhanced)).toEqual(["4.3.0", "5.1.1"]);
  });

  test("does not ask the next hop when the line drops after the final dot: it may have arrived", async () => {
    const first = await sinkOf({ script: ({ stage }) => (stage === "MESSAGE" ? { drop: true } : undefined) });
    const second = await sinkOf();
    const [result] = await attempt(request(), [hopTo(first), hopTo(second)], poolOf());
    expect(result?.result).toMatchObject({ kind: "Temporary", class: "LostAfterData" });
    expect(second.connections).toBe(0);
  });

  test.each(["CONNECT", "EHLO", "MAIL", "RCPT"])("asks the next hop when the line drops at %s", async (stage) => {
    const first = await sinkOf({ script: (step) => (step.stage === stage ? { drop: true } : undefined) });
    const second = await sinkOf();
    const [result] = await attempt(request(), [hopTo(first), hopTo(second)], poolOf());
    expect(result).toMatchObject({ result: { kind: "Success" }, hop: { port: second.port } });
  });

  test.each(["554 No service", "421 Busy"])("asks the next hop when the greeting is %s", async (reply) => {
    const first = await sinkOf({ script: ({ stage }) => (stage === "CONNECT" ? { reply } : undefined) });
    const second = await sinkOf();
    const [result] = await attempt(request(), [hopTo(first), hopTo(second)], poolOf());
    expect(result?.result.kind).toBe("Success");
  });

  test("does not ask a hop again that refused, whether or not TLS was offered", async () => {
    const sink = await sinkOf({ script: ({ stage }) => (stage === "CONNECT" ? { reply: "554 No" } : undefined) });
    await attempt(request(), [hopTo(sink, opportunistic)], poolOf());
    expect(sink.connections).toBe(1);
  });

  test("is temporary when one hop refuses for good and another cannot be reached", async () => {
    const first = await sinkOf({ script: ({ stage }) => (stage === "CONNECT" ? { reply: "554 No" } : undefined) });
    const gone = await rawServer((socket) => socket.destroy());
    for (const hops of [
      [hopTo(first), hopTo(gone)],
      [hopTo(gone), hopTo(first)],
    ]) {
      const [result] = await attempt(request(), hops, poolOf());
      expect(result?.result.kind).toBe("Temporary");
    }
  });

  test("stops asking after a refusal", async () => {
    const first = await sinkOf({ script: ({ stage }) => (stage === "RCPT" ? { reply: "550 5.1.1 No" } : undefined) });
    const second = await sinkOf();
    await attempt(request(), [hopTo(first), hopTo(second)], poolOf());
    expect(second.connections).toBe(0);
  });

  test.each([
    [{ eightBit: true }, "8BITMIME", "5.6.3"],
    [{ smtpUtf8: true, recipients: ["\u00fc@example.net"] }, "SMTPUTF8", "5.6.7"],
  ] as const)("does not send %j without %s", async (some, extension, enhanced) => {
    const sink = await sinkOf({ without: [extension] });
    const [result] = await attempt(request(some), [hopTo(sink)], poolOf());
    expect(result?.result).toMatchObject({ kind: "Permanent", enhanced });
    expect(sink.received).toHaveLength(0);
    const [other] = await attempt(request(some), [hopTo(await sinkOf())], poolOf());
    expect(other?.result.kind).toBe("Success");
  });

  test("does not send what is too large for the hop", async () => {
    const sink = await sinkOf({ size: 10 });
    const [result] = await attempt(request(), [hopTo(sink)], poolOf());
    expect(result?.result).toMatchObject({ kind: "Permanent", class: "MessageTooLarge", enhanced: "5.3.4" });
  });

  test("refuses an address that cannot be sent, and sends to the others", async () => {
    const sink = await sinkOf();
    const recipients = ['"a<b"@example.net', "a@example.net"];
    const results = await attempt(request({ recipients }), [hopTo(sink)], poolOf());
    expect(results.map(({ result }) => result.kind)).toEqual(["Permanent", "Success"]);
  });

  test("says temporary when there is no hop, or no time", async () => {
    const sink = await sinkOf();
    const [none] = await attempt(request(), [], poolOf());
    const [late] = await attempt(request(), [hopTo(sink)], poolOf(), AbortSignal.abort());
    expect([none?.result.kind, late?.result.kind]).toEqual(["Temporary", "Temporary"]);
  });
});

describe("TLS", () => {
  test("is used where it is offered", async () => {
    const sink = await sinkOf();
    const [result] = await attempt(request(), [hopTo(sink, opportunistic)], poolOf());
    expect(result?.tls).toMatchObject({ protocol: "TLSv1.3", verified: false });
    expect(sink.received[0]?.secure).toBe(true);
  });

  test("is not missed where it is not offered", async () => {
    const sink = await sinkOf({ without: ["STARTTLS"] });
    const [result] = await attempt(request(), [hopTo(sink, opportunistic)], poolOf());
    expect(result).toMatchObject({ result: { kind: "Success" } });
    expect(result?.tls).toBeUndefined();
  });

  test("goes on without it when the handshake fails and nobody asked for it", async () => {
    const seen: string[] = [];
    const [result] = await attempt(request(), [hopTo(await rawServer(brokenTls(seen)), opportunistic)], poolOf());
    expect(result?.result).toMatchObject({ kind: "Success", text: "250 2.0.0 taken" });
    expect(seen).toEqual(["EHLO", "STAR", "EHLO", "MAIL", "RCPT", "DATA"]);
  });

  test.each([false, true])("never goes on without it when it is required (verify: %s)", async (verify) => {
    const seen: string[] = [];
    const hop = hopTo(await rawServer(brokenTls(seen)), { start: "Required", verify });
    const [result] = await attempt(request(), [hop], poolOf());
    expect(result?.result).toMatchObject({ kind: "Temporary", class: "TLSFailed", enhanced: "4.7.5" });
    expect(seen).toEqual(["EHLO", "STAR"]);
  });

  test("fails the hop that offers none when it is required, and asks the next", async () => {
    const sink = await sinkOf({ without: ["STARTTLS"] });
    const good = await sinkOf();
    const required: HopTls = { start: "Required", verify: false };
    const [alone] = await attempt(request(), [hopTo(sink, required)], poolOf());
    expect(alone?.result).toMatchObject({ kind: "Temporary", class: "TLSMissing", enhanced: "4.7.4" });
    const [result] = await attempt(request(), [hopTo(sink, required), hopTo(good, required)], poolOf());
    expect(result).toMatchObject({ result: { kind: "Success" }, tls: { protocol: "TLSv1.3" } });
    expect(sink.received).toHaveLength(0);
  });

  test("does not trust a certificate of nobody's when it must verify", async () => {
    const sink = await sinkOf();
    const [result] = await attempt(request(), [hopTo(sink, { start: "Required", verify: true })], poolOf());
    expect(result?.result).toMatchObject({ kind: "Temporary", class: "TLSFailed" });
    expect(sink.received).toHaveLength(0);
  });
});

describe("connections", () => {
  test("are reused, up to the number of messages", async () => {
    const sink = await sinkOf();
    const pool = poolOf({}, 3);
    for (let i = 0; i < 6; i++) await attempt(request(), [hopTo(sink)], pool);
    expect(sink.received).toHaveLength(6);
    expect(sink.connections).toBe(2);
  });

  test("are reused after a refusal, for which the hop is reset", async () => {
    const steps: string[] = [];
    const sink = await sinkOf({
      script: ({ stage, line }) => {
        steps.push(stage);
        return line.includes("bad@") ? { reply: "550 5.1.1 Unknown" } : undefined;
      },
    });
    const pool = poolOf();
    await attempt(request({ recipients: ["bad@example.net"] }), [hopTo(sink)], pool);
    await attempt(request(), [hopTo(sink)], pool);
    expect(sink.connections).toBe(1);
    expect(steps).toContain("RSET");
  });

  test("are not shared between ways of securing them", async () => {
    const sink = await sinkOf();
    const pool = poolOf();
    await attempt(request(), [hopTo(sink)], pool);
    await attempt(request(), [hopTo(sink, opportunistic)], pool);
    expect(sink.received.map(({ secure }) => secure)).toEqual([false, true]);
  });

  test("are limited, and shared in turn", async () => {
    const sink = await sinkOf();
    const pool = poolOf();
    const results = await Promise.all(Array.from({ length: 8 }, () => attempt(request(), [hopTo(sink)], pool)));
    expect(results.flat().every(({ result }) => result.kind === "Success")).toBe(true);
    expect(sink.connections).toBeLessThanOrEqual(2);
  });

  test.each<MxBehaviour>([{ drop: true }, { reply: "421 4.4.2 idle too long", drop: true }])(
    "that the hop closes after a message are replaced: %j",
    async (behaviour) => {
      let messages = 0;
      const sink = await sinkOf({
        script: ({ stage }) => {
          if (stage === "MESSAGE") messages++;
          return stage === "MAIL" && messages === 1 && sink.connections === 1 ? behaviour : undefined;
        },
      });
      const pool = poolOf();
      await attempt(request(), [hopTo(sink)], pool);
      const [result] = await attempt(request(), [hopTo(sink)], pool);
      expect(result?.result.kind).toBe("Success");
      expect(sink.connections).toBe(2);
    },
  );

  test("leave nothing open", async () => {
    const sink = await sinkOf();
    const pool = poolOf();
    await attempt(request(), [hopTo(sink)], pool);
    expect(pool.size).toBe(1);
    pool.close();
    expect(pool.size).toBe(0);
  });
});

describe("slow and hostile peers", () => {
  test("that say nothing", async () => {
    const hop = hopTo(await rawServer(() => undefined));
    const [result] = await attempt(request(), [hop], poolOf({ greetingTimeout: 60 }));
    expect(result?.result).toMatchObject({ kind: "Temporary", class: "TimedOut" });
  });

  test("that trickle the greeting", async () => {
    const hop = hopTo(
      await rawServer((socket) => {
        const timer = setInterval(() => socket.write("220-still here\r\n"), 10);
        socket.on("close", () => clearInterval(timer));
      }),
    );
    const [result] = await attempt(request(), [hop], poolOf({ greetingTimeout: 100 }));
    expect(result?.result.kind).toBe("Temporary");
  });

  test("that do not answer a command", async () => {
    const sink = await sinkOf({ script: ({ stage }) => (stage === "RCPT" ? new Promise(() => undefined) : undefined) });
    const [result] = await attempt(request(), [hopTo(sink)], poolOf({ commandTimeout: 60 }));
    expect(result?.result).toMatchObject({ kind: "Temporary", class: "TimedOut" });
  });

  test("that do not answer the content", async () => {
    const sink = await sinkOf({
      script: ({ stage }) => (stage === "MESSAGE" ? new Promise(() => undefined) : undefined),
    });
    const [result] = await attempt(request(), [hopTo(sink)], poolOf({ dataTimeout: 60 }));
    expect(result?.result).toMatchObject({ kind: "Temporary", class: "LostAfterData" });
  });

  test.each(["CONNECT", "RCPT", "MESSAGE"])("are left at %s when time is up", async (stage) => {
    const reached = Promise.withResolvers<void>();
    const sink = await sinkOf({
      script: (step) => {
        if (step.stage !== stage) return undefined;
        reached.resolve();
        return new Promise(() => undefined);
      },
    });
    const slow = { greetingTimeout: 60_000, commandTimeout: 60_000, dataTimeout: 60_000 };
    const controller = new AbortController();
    const results = attempt(request(), [hopTo(sink)], poolOf(slow), controller.signal);
    await reached.promise;
    controller.abort();
    expect((await results)[0]?.result.kind).toBe("Temporary");
  });

  test.each(["220-more\r\n", "220 never ends "])("whose greeting is endless: %j", async (piece) => {
    const hop = hopTo(
      await rawServer((socket) => {
        const more = (): void => {
          while (!socket.destroyed && socket.write(piece.repeat(500)));
        };
        socket.on("drain", more);
        more();
      }),
    );
    const [result] = await attempt(request(), [hop], poolOf());
    expect(result?.result).toMatchObject({ kind: "Temporary", class: "ProtocolError" });
  });

  test("whose reply holds controls", async () => {
    const sink = await sinkOf({
      script: ({ stage }) => (stage === "RCPT" ? { reply: `550 5.1.1 \u001b[2J${"x".repeat(2000)}` } : undefined),
    });
    const [result] = await attempt(request(), [hopTo(sink)], poolOf());
    expect(result?.result.text).toHaveLength(512);
    expect(result?.result.text).not.toContain("\u001b");
  });

  test("that speak something else", async () => {
    const hop = hopTo(await rawServer((socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")));
    const [result] = await attempt(request(), [hop], poolOf());
    expect(result?.result.kind).toBe("Temporary");
  });

  test("that nobody hears", async () => {
    const sink = await startMxSink();
    await sink.close();
    const pool = poolOf();
    const [result] = await attempt(request(), [hopTo(sink)], pool);
    expect(result?.result).toMatchObject({ kind: "Temporary", class: "Unreachable", enhanced: "4.4.1" });
  });
});
