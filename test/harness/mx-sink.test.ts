import { createTransport } from "nodemailer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSigner } from "../../relay/sign/signer.ts";
import { makeTestKeys } from "./dkim-keys.ts";
import type { MxScript } from "./mx-script.ts";
import { startMxSink, type MxSink, type MxSinkOptions } from "./mx-sink.ts";
import { startZoneServer } from "./zone-server.ts";

let sink: MxSink;
afterEach(() => sink.close());

interface Sent {
  readonly response?: string;
  readonly code?: string;
  readonly responseCode?: number;
}

/** Sends a message by nodemailer, and says how that ended. */
async function send(raw: string | Buffer, options: { readonly ignoreTLS?: boolean } = {}): Promise<Sent> {
  const transport = createTransport({
    host: sink.host,
    port: sink.port,
    tls: { rejectUnauthorized: false },
    ...options,
  });
  try {
    const envelope = { from: "joe@example.com", to: ["suzie@example.net"] };
    return { response: (await transport.sendMail({ envelope, raw })).response };
  } catch (error) {
    return error as Sent;
  } finally {
    transport.close();
  }
}

const plain = "From: joe@example.com\r\n\r\n.dot\r\nend\r\n";

describe("a sink", () => {
  beforeEach(async () => {
    sink = await startMxSink();
  });

  test("keeps what it gets, octet by octet, over TLS and without", async () => {
    expect((await send(plain)).response).toMatch(/^250 2\.0\.0/);
    expect((await send(plain, { ignoreTLS: true })).response).toMatch(/^250/);
    expect(sink.received.map((message) => message.secure)).toEqual([true, false]);
    expect(sink.received[0]).toMatchObject({
      sender: "joe@example.com",
      recipients: ["suzie@example.net"],
      ip: "127.0.0.1",
    });
    expect(sink.received[0]?.content.toString()).toBe(plain);
    expect(sink.received[0]?.verdict).toBeUndefined();
    expect(sink.connections).toBe(2);
  });

  test("waits for messages, and says what it has when they do not come", async () => {
    const arrived = sink.waitFor((it) => it.received.length === 1);
    await send(plain);
    expect((await arrived).received).toHaveLength(1);
    await expect(sink.waitFor((it) => it.received.length === 2, 1)).rejects.toThrow(/1 messages received, 0 refused/);
  });

  const scripts: readonly [what: string, script: MxScript, ends: Sent, refused: number][] = [
    ["greeting", at("CONNECT", "554 5.7.1 Go away"), { responseCode: 554 }, 0],
    ["EHLO", (step) => (/^[EH]/.test(step.stage) ? { reply: "550 5.7.1 No" } : undefined), { responseCode: 550 }, 0],
    ["STARTTLS", at("STARTTLS", "454 4.7.0 Not now"), { code: "ETLS" }, 0],
    ["MAIL", at("MAIL", "451 4.3.0 Later"), { responseCode: 451 }, 0],
    ["RCPT", at("RCPT", "550 5.1.1 No such user"), { responseCode: 550 }, 0],
    ["DATA", at("DATA", "452 4.3.1 Full"), { responseCode: 452 }, 0],
    ["the final dot", at("MESSAGE", "554 5.6.0 No"), { responseCode: 554 }, 1],
    ["the final dot, closing", at("MESSAGE", "421 4.3.2 Going down"), { responseCode: 421 }, 1],
  ];
  test.each(scripts)("refuses at %s", async (...[, script, ends, refused]) => {
    sink.behave(script);
    expect(await send(plain)).toMatchObject(ends);
    expect([sink.received.length, sink.refused.length]).toEqual([0, refused]);
  });

  test("is good again when it has no script", async () => {
    sink.behave(at("RCPT", "450 4.2.0 Later"));
    expect((await send(plain)).responseCode).toBe(450);
    sink.behave(undefined);
    expect((await send(plain)).response).toMatch(/^250/);
  });

  test.each(["CONNECT", "EHLO", "STARTTLS", "MAIL", "RCPT", "DATA", "MESSAGE"])(
    "cuts the connection at %s",
    async (stage) => {
      sink.behave((step) => (step.stage === stage ? { drop: true } : undefined));
      expect((await send(plain)).response).toBeUndefined();
      await sink.waitFor((it) => it.refused.length === (stage === "MESSAGE" ? 1 : 0));
      expect(sink.received).toHaveLength(0);
    },
  );

  test("breaks the TLS handshake", async () => {
    sink.behave((step) => (step.stage === "STARTTLS" ? { reply: "220 2.0.0 Ready", drop: true } : undefined));
    expect((await send(plain)).response).toBeUndefined();
    expect((await send(plain, { ignoreTLS: true })).response).toMatch(/^250/);
  });

  test("holds the client for as long as its script does", async () => {
    const reached = Promise.withResolvers<void>();
    const held = Promise.withResolvers<undefined>();
    sink.behave((step) => {
      if (step.stage !== "RCPT") return undefined;
      reached.resolve();
      return held.promise;
    });
    const sent = send(plain);
    await reached.promise;
    expect(sink.received).toHaveLength(0);
    held.resolve(undefined);
    expect((await sent).response).toMatch(/^250/);
  });
});

function at(stage: string, reply: string): MxScript {
  return (step) => (step.stage === stage ? { reply } : undefined);
}

test("a sink offers what it is told to", async () => {
  const offers = async (options: MxSinkOptions): Promise<string> => {
    sink = await startMxSink(options);
    let offered = "";
    const logger = {
      level: () => undefined,
      trace: take,
      debug: take,
      info: take,
      warn: take,
      error: take,
      fatal: take,
    };
    function take(_entry: unknown, ...rest: readonly unknown[]): void {
      offered += rest.join(" ");
    }
    const transport = createTransport({ host: sink.host, port: sink.port, ignoreTLS: true, logger, debug: true });
    await transport.verify();
    transport.close();
    return offered;
  };
  const all = ["STARTTLS", "8BITMIME", "SMTPUTF8", "PIPELINING"] as const;
  const full = await offers({ size: 1000 });
  for (const extension of [...all, "SIZE 1000"]) expect(full).toContain(extension);
  await sink.close();
  const bare = await offers({ without: all });
  for (const extension of all) expect(bare).not.toContain(extension);
});

test("a sink verifies DKIM, SPF and DMARC by the DNS that it is given", async () => {
  const keys = makeTestKeys("example.com");
  const zone = await startZoneServer({ zones: [{ name: "example.com" }] });
  for (const [name, value] of keys.records) zone.publish({ name, type: "TXT", value });
  zone.publish(
    { name: "example.com", type: "TXT", value: "v=spf1 ip4:127.0.0.1 -all" },
    { name: "_dmarc.example.com", type: "TXT", value: "v=DMARC1; p=reject" },
  );
  sink = await startMxSink({ resolver: zone.address });
  const signer = createSigner({ keyRing: keys.keyRing, pause: () => Promise.resolve() });
  const content = Buffer.from(plain);
  const signatures = await signer.sign(content, { domain: "example.com", keys: keys.keys, now: Date.now() });
  await send(Buffer.concat([signatures, content]));
  await send(Buffer.concat([signatures, content, Buffer.from("more\r\n")]));
  const dkim = { domain: "example.com", result: "pass", aligned: true };
  expect(sink.received.map((message) => message.verdict)).toMatchObject([
    {
      dkim: [
        { ...dkim, algorithm: "rsa-sha256", selector: "t1" },
        { ...dkim, algorithm: "ed25519-sha256", selector: "t1-ed" },
      ],
      spf: "pass",
      dmarc: "pass",
    },
    { dkim: [{ result: "fail" }, { result: "fail" }], spf: "pass", dmarc: "pass" },
  ]);
  await zone.close();
});
