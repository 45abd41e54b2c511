import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { generate } from "selfsigned";
import { SMTPServer } from "smtp-server";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../runtime/clock.ts";
import { startMxSink } from "../../test/harness/mx-sink.ts";
import type { Hop, HopTls } from "../route/hop.ts";
import { openSession, type Opened } from "./session.ts";

const host = "smtp.example.net";
let certificate: { readonly key: string; readonly cert: string };
beforeAll(async () => {
  const { private: key, cert } = await generate([{ name: "commonName", value: host }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames: [{ type: 2, value: host }] }],
  });
  certificate = { key, cert };
});

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A server with the certificate, with TLS from the start or STARTTLS. */
async function serve(secure: boolean): Promise<number> {
  const server = new SMTPServer({
    ...certificate,
    secure,
    authOptional: true,
    disableReverseLookup: true,
    closeTimeout: 50,
  });
  server.on("error", () => undefined);
  const listener = server.listen(0, "127.0.0.1");
  await once(listener, "listening");
  closers.push(
    () =>
      new Promise<void>((resolve) => {
        server.close(resolve);
      }),
  );
  return (listener.address() as AddressInfo).port;
}

async function open(
  hop: Partial<Hop> & { readonly port: number; readonly tls: HopTls },
  trusted: boolean,
): Promise<Opened> {
  const timeouts = { connectTimeout: 1000, greetingTimeout: 1000, commandTimeout: 1000, dataTimeout: 1000 };
  const limits = { ...timeouts, ...(trusted ? { ca: [certificate.cert] } : {}) };
  const opened = await openSession(
    { host, address: "127.0.0.1", ...hop },
    { hostname: "relay.example", limits, clock: systemClock },
  );
  if ("session" in opened) closers.push(() => opened.session.close(true));
  return opened;
}

describe("a session", () => {
  for (const [name, secure, start] of [
    ["STARTTLS", false, "Required"],
    ["TLS from the start", true, "Implicit"],
  ] as const)
    describe(`over ${name}`, () => {
      test("verifies a certificate that it trusts", async () => {
        const opened = await open({ port: await serve(secure), tls: { start, verify: true } }, true);
        expect(opened).toMatchObject({ session: { tls: { protocol: "TLSv1.3", verified: true } } });
      });

      test.each([
        ["nobody signed", {}, false],
        ["is another's", { host: "other.example.net" }, true],
      ])("refuses a certificate that %s", async (_, hop, trusted) => {
        const opened = await open({ ...hop, port: await serve(secure), tls: { start, verify: true } }, trusted);
        expect(opened).toMatchObject({ failure: { stage: "TLS" } });
      });

      test("takes any certificate where none is asked for", async () => {
        const opened = await open({ port: await serve(secure), tls: { start, verify: false } }, false);
        expect(opened).toMatchObject({ session: { isOpen: true, tls: { verified: false } } });
      });
    });

  test("fails where TLS is expected and none is spoken", async () => {
    const opened = await open({ port: await serve(false), tls: { start: "Implicit", verify: false } }, false);
    expect(opened).toMatchObject({ failure: { stage: "TLS" } });
  });

  test("does not go on with HELO where EHLO was refused for now", async () => {
    const reply = "451 4.3.0 later";
    const sink = await startMxSink({ script: ({ stage }) => (stage === "EHLO" ? { reply } : undefined) });
    closers.push(() => sink.close());
    const opened = await open({ port: sink.port, tls: { start: "IfOffered", verify: false } }, false);
    expect(opened).toMatchObject({ failure: { stage: "Hello", reply } });
  });
});
