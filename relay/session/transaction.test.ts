import { afterEach, describe, expect, test } from "vitest";
import { StoreFull } from "../store/spool.ts";
import type { Dialogue } from "../../test/harness/smtp-dialogue.ts";
import { domains, shop, testSubmission, type TestSubmission } from "../../test/harness/submission.ts";
import { buildDirectory } from "../directory.ts";
import type { Limits } from "./config.ts";

const stops: (() => Promise<void>)[] = [];
const start = (limits?: Partial<Limits>): Promise<TestSubmission> => testSubmission((stop) => stops.push(stop), limits);
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const letter = "From: a@shop.example\r\n\r\nx\r\n";

async function openData(client: Dialogue, recipients = 1): Promise<void> {
  await client.say("MAIL FROM:<a@shop.example>");
  for (let i = 0; i < recipients; i++) await client.say(`RCPT TO:<you${i}@there.example>`);
  expect(await client.say("DATA")).toMatch(/^354/);
}

async function send(client: Dialogue, content: string, recipients = 1): Promise<string> {
  await openData(client, recipients);
  return client.say(`${content}.`);
}

describe("commands out of order", () => {
  test.each([
    [["RCPT TO:<a@b.example>"], "503 5.5.1 Send MAIL first"],
    [["DATA"], "503 5.5.1 Send MAIL first"],
    [["MAIL FROM:<a@shop.example>", "DATA"], "503 5.5.1 Send RCPT first"],
    [["MAIL FROM:<a@shop.example>", "RCPT TO:<a@b>", "DATA"], "503 5.5.1 Send RCPT first"],
    [["MAIL FROM:<a@shop.example>", "MAIL FROM:<a@shop.example>"], "503 5.5.1 A mail transaction is already open"],
    [["MAIL FROM:<a@shop.example>", "RSET", "RCPT TO:<a@b.example>"], "503 5.5.1 Send MAIL first"],
    [["MAIL FROM:<a@shop.example>", "EHLO x", "RCPT TO:<a@b.example>"], "503 5.5.1 Send MAIL first"],
    [["MAIL FROM:<a@shop.example>", "RCPT TO:<a@b.example>", "DATA now"], "501 5.5.4 This command takes no argument"],
    [["EHLO"], "501 Syntax: EHLO hostname"],
    [["EHLO a b"], "501 Syntax: EHLO hostname"],
    [["EHLO a\u0001b"], "501 Syntax: EHLO hostname"],
    [["HELP"], "214 2.0.0 This is a mail submission service (RFC 6409)"],
  ])("%j ends with %s", async (lines, expected) => {
    const client = await (await start()).login();
    let last = "";
    for (const line of lines) last = await client.say(line);
    expect(last).toBe(expected);
  });
});

describe("policy", () => {
  test.each([
    ["production00", "a@bank.example", "550 5.7.1 You are not authorized to send from domain bank.example (MAIL FROM)"],
    [
      "production00",
      "a@WWW.shop.example",
      "550 5.7.1 You are not authorized to send from domain www.shop.example (MAIL FROM)",
    ],
    ["marketing000", "a@shop.example", "550 5.7.1 Sending is disabled for environment marketing"],
    ["production00", "a@[127.0.0.1]", "553 5.1.7 Sender address refused: address literals are not accepted"],
    ["production00", "", "250 2.1.0 Sender address accepted"],
    ["staging00000", "a@soon.example", "250 2.1.0 Sender address accepted"],
  ])("%s may send as <%s>: %s", async (id, sender, expected) => {
    const client = await (await start()).login(id);
    expect(await client.say(`MAIL FROM:<${sender}>`)).toBe(expected);
  });

  test("looks at From, whoever the envelope names", async () => {
    const { login, store, events } = await start();
    const client = await login();
    expect(await send(client, "Message-ID: <1@x>\r\nFrom: a@bank.example\r\n\r\nx\r\n")).toBe(
      "550 5.7.1 You are not authorized to send from domain bank.example (From header field)",
    );
    expect(store.accepted).toEqual([]);
    expect(events).toEqual([
      expect.objectContaining({
        type: "refused",
        tenant: "team-shop/shop",
        environment: "production",
        credential: "production00",
        messageId: "1@x",
        sender: "a@shop.example",
        recipients: ["you0@there.example"],
        client: "127.0.0.1",
        stage: "Data",
        class: "FromDomainNotAllowed",
        enhanced: "5.7.1",
      }),
    ]);
  });

  test("of a contract that changes counts at once, for sessions that run too", async () => {
    const relay = await start();
    const client = await relay.login();
    expect(await send(client, letter)).toMatch(/^250/);
    await openData(client);
    relay.directory = buildDirectory([{ ...shop, sending: { state: "Disabled", reason: "SwitchedOff" } }], domains);
    expect(await client.say(`${letter}.`)).toBe("550 5.7.1 Sending is disabled for this account");
    relay.directory = buildDirectory([], domains);
    expect(await client.say("MAIL FROM:<a@shop.example>")).toMatch(/^421 4\.7\.0 Credentials are no longer valid/);
    expect(await client.ended()).toBe("");
  });

  test("captures cost nothing and go nowhere", async () => {
    const { login, store } = await start();
    expect(await send(await login("staging00000"), letter, 3)).toMatch(/^250/);
    expect(store.accepted[0]).toMatchObject({ charge: { recipients: 0 }, deliveries: [{ domain: "" }] });
    expect(store.accepted[0]?.deliveries[0]?.recipients).toHaveLength(3);
  });
});

describe("credits", () => {
  test("are spent by recipient, all of a message or none", async () => {
    const { login, store } = await start();
    const client = await login();
    expect(await send(client, letter, 60)).toMatch(/^250/);
    expect(await send(client, letter, 60)).toBe("451 4.7.1 Authentication failed: Maximum credits exceeded");
    expect(await send(client, letter, 40)).toMatch(/^250/);
    expect((await store.usage("team-shop/shop"))?.used).toBe(100);
  });
});

describe("a store", () => {
  test.each([
    [new StoreFull("full"), "452 4.3.1 Insufficient system storage, try again later"],
    [new Error("disk"), "451 4.3.0 Temporary local problem, try again later"],
  ])("that fails with %s is answered, and the session goes on", async (error, expected) => {
    const { login, store } = await start();
    store.before = () => {
      throw error;
    };
    const client = await login();
    expect(await send(client, letter)).toBe(expected);
    store.before = () => undefined;
    expect(await send(client, letter)).toMatch(/^250/);
  });

  test("is waited for: no 250 before its durable return", async () => {
    const { login, store } = await start({ idleTimeout: 400, messageTimeout: 500 });
    const durable = Promise.withResolvers<void>();
    store.before = () => durable.promise;
    const client = await login();
    const reply = send(client, letter);
    const early = await Promise.race([reply, new Promise((resolve) => setTimeout(resolve, 800, "nothing yet"))]);
    expect(early).toBe("nothing yet");
    durable.resolve();
    expect(await reply).toMatch(/^250 2\.0\.0 Ok: queued as/);
  });
});

describe("limits", () => {
  test("of recipients: one too many is deferred, a known one is not", async () => {
    const client = await (await start({ recipients: 2 })).login();
    await client.say("MAIL FROM:<a@shop.example>");
    const say = (name: string): Promise<string> => client.say(`RCPT TO:<${name}@there.example>`);
    expect(await say("a")).toMatch(/^250/);
    expect(await say("b")).toMatch(/^250/);
    expect(await say("c")).toBe("452 4.5.3 Too many recipients");
    expect(await say("a")).toMatch(/^250/);
  });

  test.each([
    [1000, "250 2.0.0 Ok"],
    [1001, "552 5.3.4 Message too large; the limit is 1000 octets"],
    [500_000, "552 5.3.4 Message too large; the limit is 1000 octets"],
  ])("of size: %i octets get %s", async (size, expected) => {
    const client = await (await start({ messageBytes: 1000 })).login();
    let content = "From: a@shop.example\r\n\r\n";
    while (size - content.length >= 102) content += `${"y".repeat(98)}\r\n`;
    content += `${"z".repeat(size - content.length - 2)}\r\n`;
    expect(content).toHaveLength(size);
    expect((await send(client, content)).startsWith(expected)).toBe(true);
    expect(await client.say("MAIL FROM:<a@shop.example> SIZE=1001")).toMatch(/^552 5\.3\.4/);
    expect(await send(client, letter)).toMatch(/^250/);
  });

  test("of memory: what does not fit is deferred, and memory comes back", async () => {
    const client = await (await start({ bufferedBytes: 2000 })).login();
    const body = `${"y".repeat(500)}\r\n`;
    for (let i = 0; i < 3; i++) {
      expect(await send(client, letter + body.repeat(5))).toBe(
        "452 4.3.1 Insufficient system resources, try again later",
      );
      expect(await send(client, letter + body)).toMatch(/^250/);
    }
  });

  test("of messages on a connection", async () => {
    const client = await (await start({ messagesPerConnection: 2 })).login();
    expect(await send(client, letter)).toMatch(/^250/);
    expect(await send(client, letter)).toMatch(/^250/);
    expect(await client.say("MAIL FROM:<a@shop.example>")).toMatch(/^421 4\.7\.0 Too many messages/);
  });

  test("of connections, by address and in all", async () => {
    const relay = await start({ connections: 3, connectionsPerAddress: 2 });
    const clients = [await relay.connect(), await relay.connect()];
    for (const client of clients) expect(await client.reply()).toMatch(/^220/);
    expect(await (await relay.connect()).reply()).toBe("421 4.7.0 Too many connections from your address");
    clients[0]?.close();
    await expect.poll(async () => (await relay.connect()).reply()).toMatch(/^220/);
  });

  test.each([false, true])("of connections are given back when one ends (implicit TLS: %s)", async (implicitTls) => {
    const relay = await start({ connectionsPerAddress: 1 });
    for (let i = 0; i < 3; i++) {
      const client = await relay.connect(implicitTls);
      expect(await client.reply()).toMatch(/^220/);
      if (!implicitTls) {
        await client.say("STARTTLS");
        await client.secure();
        await client.say("EHLO client.example");
      }
      client.close();
      await expect.poll(() => relay.submission.connections()).toBe(0);
    }
  });

  test("of unknown commands", async () => {
    const client = await (await start()).login();
    const answers = [];
    for (let i = 0; i < 10; i++) answers.push((await client.say("FOO")).slice(0, 3));
    expect(answers.join(" ")).toBe("500 500 500 500 500 500 500 500 500 421");
  });
});

describe("time", () => {
  test("to send a message ends, however it trickles in", async () => {
    const relay = await start({ messageTimeout: 200, idleTimeout: 10_000 });
    const client = await relay.login();
    await openData(client);
    const trickle = setInterval(() => client.write("x\r\n"), 10);
    expect(await client.reply()).toBe("421 4.4.2 Message did not arrive in time - closing connection");
    clearInterval(trickle);
    await client.ended();
    expect(relay.store.accepted).toEqual([]);
  });

  test("between MAIL and DATA counts too", async () => {
    const client = await (await start({ messageTimeout: 100 })).login();
    await client.say("MAIL FROM:<a@shop.example>");
    expect(await client.reply()).toMatch(/^421 4\.4\.2/);
  });

  test("of silence ends", async () => {
    const client = await (await start({ idleTimeout: 100 })).login();
    expect(await client.reply()).toBe("421 4.4.2 Timeout - closing connection");
  });

  test("of a session ends between two messages, not in one", async () => {
    const client = await (await start({ sessionTimeout: 150 })).login();
    await openData(client);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await client.say(`${letter}.`)).toMatch(/^250/);
    expect(await client.reply()).toMatch(/^421 4\.4\.2 Session has lasted too long/);
    expect(await client.ended()).toBe("");
  });
});

describe("a client that goes", () => {
  test.each([
    ["in DATA, half of it sent", letter.slice(0, 10)],
    ["in DATA, before the dot", letter],
  ])("%s leaves nothing behind", async (_, text) => {
    const relay = await start();
    for (const reset of [true, false]) {
      const client = await relay.login();
      await openData(client);
      client.write(text);
      if (reset) client.reset();
      else client.close();
      await expect.poll(() => relay.submission.connections()).toBe(0);
    }
    expect(relay.store.accepted).toEqual([]);
    expect(await send(await relay.login(), letter)).toMatch(/^250/);
  });

  test("and one that never reads does not fill our memory", async () => {
    const relay = await start({ idleCommands: 100_000 });
    const client = await relay.connect();
    await client.reply();
    const socket = client.socket();
    socket.pause();
    let sent = 0;
    while (sent < 50_000_000 && socket.write("HELP\r\n".repeat(10_000))) sent += 60_000;
    // The relay stops reading: the client's own buffer is what fills.
    expect(sent).toBeLessThan(50_000_000);
  });
});
