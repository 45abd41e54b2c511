import { afterEach, describe, expect, test } from "vitest";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { once } from "node:events";
import { issueApiKey, parseApiKey } from "../../contract/api-key.ts";
import { buildDirectory } from "../directory.ts";
import { domains, keyOf, plainOf, shop, testSubmission, type TestSubmission } from "../../test/harness/submission.ts";
import type { Dialogue } from "../../test/harness/smtp-dialogue.ts";
import type { Limits } from "./config.ts";

const stops: (() => Promise<void>)[] = [];
const start = (limits?: Partial<Limits>): Promise<TestSubmission> => testSubmission((stop) => stops.push(stop), limits);
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function greeted({ connect }: TestSubmission, implicitTls: boolean): Promise<Dialogue> {
  const client = await connect(implicitTls);
  await client.reply();
  await client.say("EHLO client.example");
  return client;
}

const good = plainOf(keyOf("production00"));
const wrong = plainOf(keyOf("nobody000000"));

describe("before TLS", () => {
  test.each([
    [`AUTH PLAIN ${good}`, "538 5.7.11 Must issue a STARTTLS command first"],
    ["AUTH LOGIN", "538 5.7.11 Must issue a STARTTLS command first"],
    ["MAIL FROM:<a@shop.example>", "530 5.7.0 Must issue a STARTTLS command first"],
    ["RCPT TO:<a@shop.example>", "530 5.7.0 Must issue a STARTTLS command first"],
    ["DATA", "530 5.7.0 Must issue a STARTTLS command first"],
    ["NOOP", "250 2.0.0 OK"],
    ["RSET", "250 2.0.0 Flushed"],
    ["VRFY postmaster", "252 2.5.0 Cannot verify a mailbox; send the message and see"],
  ])("%s gets %s", async (line, reply) => {
    expect(await (await greeted(await start(), false)).say(line)).toBe(reply);
  });
});

describe("over TLS", () => {
  test.each([
    ["MAIL FROM:<a@shop.example>", "530 5.7.0 Authentication required"],
    ["RCPT TO:<a@shop.example>", "530 5.7.0 Authentication required"],
    ["DATA", "530 5.7.0 Authentication required"],
    ["AUTH LOGIN", "504 5.5.4 Unrecognized authentication type; use AUTH PLAIN"],
    ["AUTH CRAM-MD5", "504 5.5.4 Unrecognized authentication type; use AUTH PLAIN"],
    ["AUTH", "504 5.5.4 Unrecognized authentication type; use AUTH PLAIN"],
    [`AUTH PLAIN ${wrong}`, "535 5.7.8 Authentication credentials invalid"],
    [`AUTH PLAIN ${plainOf("guess")}`, "535 5.7.8 Authentication credentials invalid"],
    [
      `AUTH PLAIN ${plainOf(keyOf("production00").replace("ph_p", "ph_q"))}`,
      "535 5.7.8 Authentication credentials invalid",
    ],
    [`AUTH PLAIN ${plainOf(keyOf("faraway00000"))}`, "535 5.7.8 Authentication credentials invalid"],
    ["AUTH PLAIN %%%", "501 5.5.2 Cannot decode the AUTH PLAIN response"],
    ["AUTH PLAIN =", "501 5.5.2 Cannot decode the AUTH PLAIN response"],
    [`AUTH PLAIN ${good} x`, "501 5.5.2 Cannot decode the AUTH PLAIN response"],
    [`auth plain ${good}`, "235 2.7.0 Authentication successful"],
    [`AUTH PLAIN ${plainOf(keyOf("production00"), "production00")}`, "235 2.7.0 Authentication successful"],
  ])("%s gets %s", async (line, reply) => {
    expect(await (await greeted(await start(), true)).say(line)).toBe(reply);
  });

  test("the response may wait for its challenge, and may be called off", async () => {
    const client = await greeted(await start(), true);
    expect(await client.say("AUTH PLAIN")).toBe("334 ");
    expect(await client.say("*")).toBe("501 5.7.0 Authentication aborted");
    expect(await client.say("AUTH PLAIN")).toBe("334 ");
    expect(await client.say(good)).toBe("235 2.7.0 Authentication successful");
    expect(await client.say(`AUTH PLAIN ${good}`)).toBe("503 5.5.1 Already authenticated");
    expect(await client.say("EHLO client.example")).not.toContain("AUTH");
    expect(await client.say("MAIL FROM:<a@shop.example>")).toMatch(/^250/);
  });

  test("nothing older than TLS 1.2 is spoken", async () => {
    const { tlsPort } = await start();
    const socket = connectTls({
      host: "127.0.0.1",
      port: tlsPort,
      rejectUnauthorized: false,
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    await expect(once(socket, "secureConnect")).rejects.toThrow(/protocol version|ssl|alert/i);
  });
});

describe("a storm of wrong keys", () => {
  test("is answered late and ends the connection", async () => {
    const relay = await start({ failedAuthentications: 3, failedAuthenticationDelay: 60 });
    const client = await greeted(relay, true);
    const started = performance.now();
    expect(await client.say(`AUTH PLAIN ${wrong}`)).toMatch(/^535/);
    expect(await client.say("AUTH PLAIN garbage!")).toMatch(/^501/);
    expect(await client.say(`AUTH PLAIN ${wrong}`)).toMatch(/^421 4\.7\.0 Too many failed authentications/);
    expect(await client.ended()).toBe("");
    expect(performance.now() - started).toBeGreaterThanOrEqual(170);
    expect(relay.events.map((event) => event.type === "refused" && event.class)).toEqual([
      "UnknownKey",
      "BadResponse",
      "UnknownKey",
    ]);
    expect(JSON.stringify(relay.events)).not.toContain("ph_");
  });

  test("is put down to the tenant whose key was right, and to nobody else", async () => {
    const relay = await start();
    const stolen = parseApiKey(keyOf("production00"))!;
    const forged = issueApiKey(stolen.id, new Uint8Array(32));
    const client = await greeted(relay, true);
    for (const key of [keyOf("faraway00000"), forged]) await client.say(`AUTH PLAIN ${plainOf(key)}`);
    expect(relay.events).toMatchObject([
      { class: "SourceNotAllowed", credential: "faraway00000" },
      { class: "WrongKey" },
    ]);
    expect(relay.events[1]).not.toHaveProperty("tenant");
  });

  test("holds up nobody else", async () => {
    const relay = await start({ failedAuthenticationDelay: 30_000 });
    const guesser = await greeted(relay, true);
    guesser.write(`AUTH PLAIN ${wrong}\r\n`);
    const client = await relay.login();
    expect(await client.say("NOOP")).toBe("250 2.0.0 OK");
  });

  test("that hangs up while it waits leaves nothing behind", async () => {
    const relay = await start({ failedAuthenticationDelay: 30_000 });
    const guesser = await greeted(relay, true);
    guesser.write(`AUTH PLAIN ${wrong}\r\n`);
    guesser.close();
    await expect.poll(() => relay.submission.connections()).toBe(0);
  });
});

describe("credits", () => {
  test("that are gone are told at AUTH, but to a Capture environment", async () => {
    const relay = await start();
    relay.directory = buildDirectory(
      [{ ...shop, allowance: { credits: { type: "OneTime", amount: 0 }, topUps: [] } }],
      domains,
    );
    const client = await greeted(relay, true);
    // However often it asks: it guesses nothing.
    for (let i = 0; i < 5; i++)
      expect(await client.say(`AUTH PLAIN ${good}`)).toBe("451 4.7.1 Authentication failed: Maximum credits exceeded");
    expect(await client.say(`AUTH PLAIN ${plainOf(keyOf("staging00000"))}`)).toMatch(/^235/);
    const refused = expect.objectContaining({ class: "CreditsExhausted", tenant: "team-shop/shop" });
    expect(relay.events).toEqual(Array.from({ length: 5 }, () => refused));
  });

  test("that cannot be read are a temporary failure", async () => {
    const relay = await start();
    relay.store.usage = () => Promise.reject(new Error("disk"));
    const client = await greeted(relay, true);
    expect(await client.say(`AUTH PLAIN ${good}`)).toBe("454 4.7.0 Temporary authentication failure");
  });
});

describe("who does not authenticate", () => {
  test("in time is told so", async () => {
    const relay = await start({ authenticationTimeout: 100 });
    const client = await greeted(relay, true);
    expect(await client.reply()).toMatch(/^421 4\.4\.2 Not authenticated in time/);
    expect(await client.ended()).toBe("");
  });

  test("and trickles commands is cut off all the same", async () => {
    const relay = await start({ authenticationTimeout: 200 });
    const client = await greeted(relay, false);
    const trickle = setInterval(() => client.write("N"), 20);
    expect(await client.ended()).toMatch(/^421 4\.4\.2/);
    clearInterval(trickle);
  });

  test("and stalls an implicit TLS handshake is cut off", async () => {
    const relay = await start({ authenticationTimeout: 100 });
    const socket = connectTcp(relay.tlsPort, "127.0.0.1");
    socket.resume();
    await once(socket, "close");
    await expect.poll(() => relay.submission.connections()).toBe(0);
  });

  test("may not talk for ever", async () => {
    const relay = await start({ idleCommands: 5 });
    const client = await greeted(relay, false);
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push((await client.say("NOOP")).slice(0, 3));
    expect(answers).toEqual(["250", "250", "250", "250", "421"]);
  });
});
