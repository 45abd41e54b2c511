import { afterEach, describe, expect, test } from "vitest";
import type { Dialogue } from "../../test/harness/smtp-dialogue.ts";
import { keyOf, plainOf, testSubmission, type TestSubmission } from "../../test/harness/submission.ts";
import type { Limits } from "./config.ts";
import { nextTurn } from "../../runtime/turn.ts";

const stops: (() => Promise<void>)[] = [];
const start = (limits?: Partial<Limits>): Promise<TestSubmission> => testSubmission((stop) => stops.push(stop), limits);
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const head = "From: a@shop.example\r\nSubject: outer\r\n\r\nline";
const inner = "MAIL FROM:<b@shop.example>\r\nRCPT TO:<x@evil.example>\r\nDATA\r\nFrom: b@shop.example\r\n\r\ninner";

async function openData(client: Dialogue): Promise<void> {
  await client.say("MAIL FROM:<a@shop.example>");
  await client.say("RCPT TO:<you@there.example>");
  expect(await client.say("DATA")).toMatch(/^354/);
}

/** Lets the pieces go out as segments of their own: each must have been read before the next is written. */
async function inPieces(client: Dialogue, text: string, cuts: readonly number[]): Promise<void> {
  const bytes = Buffer.from(text, "latin1");
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    client.write(bytes.subarray(from, cut));
    from = cut;
    await nextTurn();
  }
}

/** Sequences that some server takes for the end of a message. None but CRLF.CRLF is. */
const ends = [
  "\n.\n",
  "\n.\r\n",
  "\r.\r",
  "\r.\r\n",
  "\r.\n",
  "\r\n.\n",
  "\r\n.\r",
  "\n.\r",
  "\r\r\n.\r\r\n",
  "\r\n\0.\r\n",
  "\r\n.\0\r\n",
];

describe("an end of data that is none", () => {
  test.each(ends)("%j ends no message and leaves none behind, wherever it is cut", async (end) => {
    const { login, store } = await start();
    const client = await login();
    const text = `${head}${end}${inner}\r\n.\r\n`;
    const at = head.length;
    const cuts = [[], ...Array.from({ length: end.length + 1 }, (_, i) => [at + i]), [at, at + 1, at + 2, at + 3]];
    for (const cut of cuts) {
      await openData(client);
      await inPieces(client, text, cut);
      expect(await client.reply()).toMatch(/^550 5\.6\.0 Message content refused: it holds (a CR|an LF|a NUL)/);
      expect(await client.say("NOOP")).toBe("250 2.0.0 OK");
    }
    expect(store.accepted).toEqual([]);
  });
});

describe("dots", () => {
  test.each([
    ["a lone dot line", "..\r\n.\r\n", ".\r\n"],
    ["a line of two dots", "...\r\n.\r\n", "..\r\n"],
    ["dots within lines", "a.\r\n..b\r\n.\r\n", "a.\r\n.b\r\n"],
  ])("%s is unstuffed, wherever it is cut", async (_, body, expected) => {
    const { login, store } = await start();
    const client = await login();
    const text = `From: a@shop.example\r\n\r\n${body}`;
    for (let cut = 0; cut <= body.length; cut++) {
      await openData(client);
      await inPieces(client, text, [text.length - body.length, text.length - body.length + cut]);
      expect(await client.reply()).toMatch(/^250/);
      const content = Buffer.from(store.accepted.at(-1)!.content).toString();
      expect(content.slice(content.indexOf("\r\n\r\n") + 4)).toBe(expected);
    }
  });

  test.each([[[]], [[1]], [[2]], [[1, 2]]])("a message that is only an end is empty (cut at %j)", async (cuts) => {
    const { login } = await start();
    const client = await login();
    await openData(client);
    await inPieces(client, ".\r\n", cuts);
    expect(await client.reply()).toBe("550 5.6.0 Message content refused: it has no From header field");
  });

  test("a first line of one stuffed dot, in segments of their own, does not end the message", async () => {
    const { login } = await start();
    const client = await login();
    await openData(client);
    await inPieces(client, "..\r\nMAIL FROM:<b@shop.example>\r\n.\r\n", [1, 2, 4]);
    expect(await client.reply()).toBe("550 5.6.0 Message content refused: line 1 of its header is no header field");
    expect(await client.say("NOOP")).toBe("250 2.0.0 OK");
  });
});

describe("command lines", () => {
  test.each([
    ["ended by a bare LF", "NOOP\nNOOP\r\n"],
    ["with a bare CR in them", "NOOP\rNOOP\r\n"],
    ["of nothing, ended by a bare LF", "\n"],
  ])("%s end the session", async (_, text) => {
    const { login } = await start();
    for (let cut = 0; cut <= text.length; cut++) {
      const client = await login();
      await inPieces(client, text, [cut]);
      expect(await client.reply()).toBe("500 5.5.2 Line ends without CR (RFC 5321 section 2.3.8) - closing connection");
      expect(await client.ended()).toBe("");
    }
  });

  test("of MAIL and RCPT may come together, with DATA last", async () => {
    const { login, store } = await start();
    const client = await login();
    client.write("MAIL FROM:<a@shop.example>\r\nRCPT TO:<x@x.example>\r\nRCPT TO:<y@y.example>\r\nDATA\r\n");
    const codes = [await client.reply(), await client.reply(), await client.reply(), await client.reply()];
    expect(codes.map((reply) => reply.slice(0, 3))).toEqual(["250", "250", "250", "354"]);
    client.write("From: a@shop.example\r\n\r\nx\r\n.\r\nMAIL FROM:<a@shop.example>\r\nRSET\r\nQUIT\r\nNOOP\r\n");
    expect(await client.reply()).toContain("queued as");
    expect(await client.reply()).toMatch(/^250 2\.1\.0/);
    expect(await client.reply()).toBe("250 2.0.0 Flushed");
    expect(await client.reply()).toBe("221 2.0.0 Bye");
    expect(await client.ended()).toBe("");
    expect(store.accepted).toHaveLength(1);
  });

  test.each([
    ["EHLO", "EHLO client.example\r\nNOOP\r\n"],
    ["AUTH", `AUTH PLAIN ${plainOf(keyOf("production00"))}\r\nNOOP\r\n`],
    ["DATA", "MAIL FROM:<a@shop.example>\r\nRCPT TO:<x@x.example>\r\nDATA\r\nFrom: a@shop.example\r\n\r\n.\r\n"],
  ])("behind %s in one segment end the session", async (_, text) => {
    const { login, store } = await start();
    const client = await login();
    client.write(text);
    expect(await client.ended()).toMatch(/554 5\.5\.0 Input behind a command .*\r\n$/);
    expect(store.accepted).toEqual([]);
  });

  test.each([
    ["of GET", "GET / HTTP/1.1", /^421 4\.7\.0 This is not a web server/],
    ["of POST", "POST /x HTTP/1.0", /^421 4\.7\.0 This is not a web server/],
    ["of 5000 octets", "x".repeat(5000), /^500 5\.5\.2 Command line too long/],
  ])("%s end the session", async (_, line, reply) => {
    const { connect } = await start();
    const client = await connect();
    await client.reply();
    client.write(`${line}\r\nHost: x\r\n\r\n`);
    expect(await client.reply()).toMatch(reply);
    expect(await client.ended()).toBe("");
  });

  test.each(["WIZ x", "SHELL", "KILL", "XCLIENT ADDR=192.0.2.1", "XFORWARD NAME=x", "EHLOX", "", "\u00fc"])(
    "%j is no command",
    async (line) => {
      const { login } = await start();
      const client = await login();
      expect(await client.say(line)).toBe("500 5.5.1 Command not recognized");
    },
  );

  test.each(["BDAT 10 LAST", "EXPN list", "ETRN x"])("%s is not implemented", async (line) => {
    const { login } = await start();
    expect(await (await login()).say(line)).toBe("502 5.5.1 Command not implemented");
  });

  test("cut off by the end of the connection are not carried out", async () => {
    const { login, store } = await start();
    const client = await login();
    await openData(client);
    client.write("From: a@shop.example\r\n\r\nx\r\n.");
    client.socket().end();
    await client.ended();
    expect(store.accepted).toEqual([]);
  });

  test("before the greeting end the session", async () => {
    const { connect } = await start({ greetingDelay: 300 });
    for (const text of ["EHLO client.example\r\n", "EHLO cli"]) {
      const client = await connect();
      client.write(text);
      expect(await client.ended()).toMatch(/^421 4\.5\.0 You talk too soon/);
    }
  });
});

describe("STARTTLS", () => {
  test.each([
    ["one command", "NOOP\r\n"],
    ["a thousand", "NOOP\r\n".repeat(1000)],
    ["a part of one", "MAIL FROM:<a@shop"],
  ])("with %s behind it in one segment is refused", async (_, more) => {
    const { connect } = await start();
    const client = await connect();
    await client.reply();
    await client.say("EHLO client.example");
    client.write(`STARTTLS\r\n${more}`);
    expect(await client.ended()).toMatch(/^554 5\.5\.0/);
  });

  test("drops what came in plain behind it in another segment", async () => {
    const { connect } = await start();
    const client = await connect();
    await client.reply();
    await client.say("EHLO client.example");
    expect(await client.say("STARTTLS")).toMatch(/^220/);
    client.write("NOOP\r\n");
    // What is no handshake ends the connection, unanswered.
    expect(await client.ended()).toBe("");
  });

  test("forgets what was said before, is not offered again, and takes no argument", async () => {
    const { connect } = await start();
    const client = await connect();
    await client.reply();
    await client.say("EHLO client.example");
    expect(await client.say("STARTTLS now")).toBe("501 5.5.4 This command takes no argument");
    await client.say("STARTTLS");
    await client.secure();
    expect(await client.say(`AUTH PLAIN ${plainOf(keyOf("production00"))}`)).toBe("503 5.5.1 Send EHLO first");
    expect(await client.say("EHLO client.example")).not.toContain("STARTTLS");
    expect(await client.say("STARTTLS")).toBe("503 5.5.1 TLS is already active");
  });

  test("that never shakes hands is cut off", async () => {
    const { connect, submission } = await start({ authenticationTimeout: 150 });
    const client = await connect();
    await client.reply();
    await client.say("STARTTLS");
    expect(await client.ended()).toBe("");
    await expect.poll(() => submission.connections()).toBe(0);
  });
});
