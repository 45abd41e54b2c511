import { createServer } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { dialogue } from "../../test/harness/smtp-dialogue.ts";
import { watchedStore } from "../../test/harness/watched-store.ts";
import { testCertificate, testLimits, testSubmission, type TestSubmission } from "../../test/harness/submission.ts";
import { buildDirectory } from "../directory.ts";
import type { Limits, ListenersConfig } from "./config.ts";
import { startSubmission, type Submission } from "./submission.ts";

const stops: (() => Promise<void>)[] = [];
const start = (limits?: Partial<Limits>): Promise<TestSubmission> => testSubmission((stop) => stops.push(stop), limits);
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const letter = "From: a@shop.example\r\n\r\nx\r\n.";

describe("a relay that stops", () => {
  test("ends idle sessions at once, and lets transactions end before it says 421", async () => {
    const relay = await start();
    const idle = await relay.login();
    const busy = await relay.login();
    await busy.say("MAIL FROM:<a@shop.example>");
    const stopped = relay.submission.stop();
    expect(await idle.reply()).toBe("421 4.3.2 Service is restarting - connect again");
    expect(await busy.say("RCPT TO:<you@there.example>")).toMatch(/^250/);
    expect(await busy.say("DATA")).toMatch(/^354/);
    expect(await busy.say(letter)).toMatch(/^250/);
    expect(await busy.reply()).toBe("421 4.3.2 Service is restarting - connect again");
    await stopped;
    await expect(relay.connect()).rejects.toThrow(/ECONNREFUSED/);
    expect(relay.store.accepted).toHaveLength(1);
  });

  test("lets handshakes end, so that what it says can be read", async () => {
    const relay = await start();
    const upgrading = await relay.connect();
    await upgrading.reply();
    await upgrading.say("EHLO client.example");
    expect(await upgrading.say("STARTTLS")).toMatch(/^220/);
    const beginning = await dialogue({ port: relay.tlsPort });
    await vi.waitFor(() => expect(relay.submission.connections()).toBe(2));
    const stopped = relay.submission.stop();
    for (const client of [upgrading, beginning]) {
      await client.secure();
      expect(await client.reply()).toBe("421 4.3.2 Service is restarting - connect again");
    }
    await stopped;
  });

  test("cuts off who takes longer than it may", async () => {
    const relay = await start({ stopTimeout: 100 });
    const busy = await relay.login();
    await busy.say("MAIL FROM:<a@shop.example>");
    await relay.submission.stop();
    expect(await busy.ended()).toBe("");
    await relay.submission.stop();
  });

  test("ends those who were not greeted yet", async () => {
    const relay = await start({ greetingDelay: 5000 });
    const client = await relay.connect();
    await relay.submission.stop();
    expect(await client.ended()).toMatch(/^421 4\.3\.2/);
  });
});

async function startOn(listeners: ListenersConfig): Promise<Submission> {
  const store = await watchedStore();
  stops.push(() => store.close());
  const submission = await startSubmission({
    listeners,
    tls: await testCertificate(),
    limits: testLimits(),
    hostname: "mail.example",
    directory: () => buildDirectory([], []),
    spool: store.spool,
    ledger: store.ledger,
    clock: systemClock,
    log: createLogger({ level: "fatal", destination: process.stderr }),
    events: () => undefined,
  });
  stops.unshift(() => submission.stop());
  return submission;
}

describe("a relay that cannot start", () => {
  test("names the listener and the port that is in use, and leaves none open", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await expect(
      startOn([
        { name: "first", host: "127.0.0.1", port: 0, tls: "StartTLS" },
        { name: "second", host: "127.0.0.1", port, tls: "Implicit" },
      ]),
    ).rejects.toThrow(
      `listener second cannot listen on 127.0.0.1 port ${port}: the port is in use; stop what uses it, or give the listener another port`,
    );
    other.close();
  });

  test("says so of an address that is not there", async () => {
    await expect(startOn([{ name: "x", host: "192.0.2.1", port: 0, tls: "StartTLS" }])).rejects.toThrow(
      "listener x cannot listen on 192.0.2.1 port 0: this machine has no such address",
    );
  });
});
