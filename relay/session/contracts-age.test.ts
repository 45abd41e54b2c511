import { afterEach, describe, expect, test } from "vitest";
import { keyOf, plainOf, testSubmission } from "../../test/harness/submission.ts";
import { longestContractsAge } from "../decision/contracts-age.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

describe("a relay that heard nothing of its contracts for seven days", () => {
  test("answers AUTH with 454, whatever the key, and goes on when it hears again", async () => {
    const relay = await testSubmission((stop) => stops.push(stop));
    relay.contractsAge = longestContractsAge + 1;
    const client = await relay.connect(true);
    await client.reply();
    await client.say("EHLO client.example");
    for (const password of [keyOf("production00"), keyOf("nobody000000"), "nonsense", "nonsense"])
      expect(await client.say(`AUTH PLAIN ${plainOf(password)}`)).toBe("454 4.7.0 Temporary authentication failure");
    expect(relay.events).toMatchObject(
      Array.from({ length: 4 }, () => ({ type: "refused", class: "ContractsTooOld" })),
    );
    relay.contractsAge = longestContractsAge;
    expect(await client.say(`AUTH PLAIN ${plainOf(keyOf("production00"))}`)).toMatch(/^235/);
  });

  test("refuses a message of an open session for a while, at MAIL and at the end of DATA", async () => {
    const relay = await testSubmission((stop) => stops.push(stop));
    const client = await relay.login();
    const mail = "MAIL FROM:<a@shop.example>";
    expect(await client.say(mail)).toMatch(/^250/);
    expect(await client.say("RCPT TO:<you@there.example>")).toMatch(/^250/);
    expect(await client.say("DATA")).toMatch(/^354/);
    relay.contractsAge = longestContractsAge + 1;
    const tooOld = "451 4.3.0 Temporary local problem, try again later";
    expect(await client.say("From: a@shop.example\r\n\r\nx\r\n.")).toBe(tooOld);
    expect(await client.say(mail)).toBe(tooOld);
    expect(relay.store.accepted).toEqual([]);
    relay.contractsAge = 0;
    expect(await client.say(mail)).toMatch(/^250/);
  });
});
