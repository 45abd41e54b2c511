import { afterEach, expect, test } from "vitest";
import { testSubmission } from "../../test/harness/submission.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

test("replies to commands that came together leave together", async () => {
  const { login } = await testSubmission((stop) => stops.push(stop));
  const client = await login();
  const records: string[] = [];
  client.socket().on("data", (record: Buffer) => records.push(record.toString()));
  client.write("MAIL FROM:<a@shop.example>\r\nRCPT TO:<you@there.example>\r\nRCPT TO:<me@here.example>\r\nDATA\r\n");
  const codes = [await client.reply(), await client.reply(), await client.reply(), await client.reply()];
  expect(codes.map((reply) => reply.slice(0, 3))).toEqual(["250", "250", "250", "354"]);
  expect(records).toHaveLength(1);
});

test("a reply does not wait for a command that has not come to its end", async () => {
  const { login } = await testSubmission((stop) => stops.push(stop));
  const client = await login();
  client.write("NOOP\r\nNOO");
  expect(await client.reply()).toMatch(/^250/);
  client.write("P\r\n");
  expect(await client.reply()).toMatch(/^250/);
});

test("more replies than a socket takes at once leave in parts", async () => {
  const { login } = await testSubmission((stop) => stops.push(stop), { idleCommands: 100_000 });
  const client = await login();
  // Its answer is ten times as long.
  const commands = 10_000;
  client.write("HELP\r\n".repeat(commands));
  for (let i = 0; i < commands; i++) expect(await client.reply()).toMatch(/^214/);
});

test("replies before STARTTLS leave before the handshake, and those before QUIT before the end", async () => {
  const { connect } = await testSubmission((stop) => stops.push(stop));
  const client = await connect();
  await client.reply();
  await client.say("EHLO client.example");
  client.write("NOOP\r\nSTARTTLS now\r\n");
  expect(await client.reply()).toMatch(/^250/);
  expect(await client.reply()).toMatch(/^501/);
  client.write("NOOP\r\nSTARTTLS\r\n");
  expect(await client.reply()).toMatch(/^250/);
  expect(await client.reply()).toMatch(/^220/);
  await client.secure();
  expect(await client.say("EHLO client.example")).toMatch(/^250/);
  client.write("NOOP\r\nQUIT\r\n");
  expect(await client.ended()).toMatch(/^250.*\r\n221.*\r\n$/);
});
