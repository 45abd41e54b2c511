import { afterEach, expect, test } from "vitest";
import type { Dialogue } from "../../test/harness/smtp-dialogue.ts";
import { keyOf, plainOf, testSubmission, type TestSubmission } from "../../test/harness/submission.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const key = keyOf("production00");
const letter = "From: a@shop.example\r\nSubject: hush-subject\r\n\r\nhush-body\r\n";

async function openData(client: Dialogue): Promise<void> {
  await client.say("MAIL FROM:<a@shop.example>");
  await client.say("RCPT TO:<you@there.example>");
  await client.say("DATA");
}

async function misuseKey(relay: TestSubmission): Promise<void> {
  const plain = await relay.connect();
  const secure = await relay.connect(true);
  for (const client of [plain, secure]) {
    await client.reply();
    await client.say(`EHLO ${key}`);
    for (const verb of ["", "AUTH PLAIN ", "AUTH ", "VRFY ", "NOOP "]) await client.say(`${verb}${key}`);
  }
  await secure.say(`AUTH PLAIN ${plainOf(key, key)}`);
  secure.close();
  await plain.say("STARTTLS");
  plain.write(`AUTH PLAIN ${plainOf(key)}\r\n`);
  await plain.ended();
}

async function sendLetters(relay: TestSubmission): Promise<void> {
  const client = await relay.login();
  await client.say(`MAIL FROM:<${key}@shop.example>`);
  for (const content of [letter, `X-Key: ${key}\r\nno field\r\n${letter}`, `Message-ID: <${key}@x>\r\n${letter}`]) {
    await openData(client);
    await client.say(`${content}.`);
  }
  await openData(client);
  client.write(letter);
  client.reset();
  await expect.poll(() => relay.submission.connections()).toBe(0);
}

test("no key, password or part of a message is logged or told in an event", async () => {
  const relay = await testSubmission((stop) => stops.push(stop), { failedAuthentications: 10 });
  await misuseKey(relay);
  relay.store.before = () => {
    throw new Error("disk");
  };
  const client = await relay.login();
  await openData(client);
  expect(await client.say(`${letter}.`)).toMatch(/^451/);
  client.close();
  relay.store.before = () => undefined;
  await sendLetters(relay);
  expect(relay.store.accepted).toHaveLength(2);
  expect(relay.logged.length).toBeGreaterThan(1);
  const told = relay.logged.join("") + JSON.stringify(relay.events);
  for (const secret of [key.slice(20, 40), plainOf(key).slice(20, 60), "hush"]) expect(told).not.toContain(secret);
});
