import { afterEach, describe, expect, test } from "vitest";
import { testSubmission, type TestSubmission, keyOf, plainOf } from "../../test/harness/submission.ts";
import type { Limits } from "./config.ts";

const stops: (() => Promise<void>)[] = [];
const start = (limits?: Partial<Limits>): Promise<TestSubmission> => testSubmission((stop) => stops.push(stop), limits);
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const letter = ["From: Shop <orders@shop.example>", "To: you@there.example", "Subject: Hello", "", "Body", ""].join(
  "\r\n",
);

describe("a message", () => {
  test("is taken over STARTTLS and AUTH PLAIN, and queued before 250", async () => {
    const { connect, store, events } = await start();
    const client = await connect();
    expect(await client.reply()).toBe("220 mail.example ESMTP");
    expect(await client.say("EHLO client.example")).toBe(
      "250-mail.example\n250-PIPELINING\n250-SIZE 31457280\n250-STARTTLS\n250-ENHANCEDSTATUSCODES\n250-8BITMIME\n250 SMTPUTF8",
    );
    expect(await client.say("STARTTLS")).toBe("220 2.0.0 Ready to start TLS");
    await client.secure();
    expect(await client.say("EHLO client.example")).toContain("AUTH PLAIN");
    expect(await client.say(`AUTH PLAIN ${plainOf(keyOf("production00"))}`)).toBe(
      "235 2.7.0 Authentication successful",
    );
    expect(await client.say("MAIL FROM:<bounce@shop.example> SIZE=100 BODY=8BITMIME")).toBe(
      "250 2.1.0 Sender address accepted",
    );
    expect(await client.say("RCPT TO:<you@there.example>")).toBe("250 2.1.5 Recipient address accepted");
    expect(await client.say("RCPT TO:<you@THERE.example>")).toBe("250 2.1.5 Recipient address accepted");
    expect(await client.say("RCPT TO:<me@here.example>")).toBe("250 2.1.5 Recipient address accepted");
    expect(await client.say("DATA")).toBe("354 Continue; end with <CR><LF>.<CR><LF>");
    const queued = await client.say(`${letter}..dot\r\n.`);
    const [message] = store.accepted;
    expect(queued).toBe(`250 2.0.0 Ok: queued as ${message?.envelope.id}`);
    expect(message?.envelope).toMatchObject({
      tenant: "team-shop/shop",
      environment: "production",
      credential: "production00",
      sender: "bounce@shop.example",
      fromDomain: "shop.example",
      eightBit: false,
      smtpUtf8: false,
      messageId: `${message?.envelope.id}@shop.example`,
    });
    expect(message?.charge.recipients).toBe(2);
    expect(message?.deliveries.map(({ domain }) => domain)).toEqual(["there.example", "here.example"]);
    const content = Buffer.from(message!.content).toString();
    expect(content).toMatch(/^Received: by mail\.example\r\n\twith ESMTPSA id [0-9a-z]{20};\r\n\t/);
    expect(content.endsWith(`${letter}.dot\r\n`)).toBe(true);
    expect(events.map(({ type }) => type)).toEqual(["accepted"]);
    expect(await client.say("QUIT")).toBe("221 2.0.0 Bye");
    expect(await client.ended()).toBe("");
  });
});
