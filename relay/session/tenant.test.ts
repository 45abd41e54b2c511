import { afterEach, describe, expect, test, vi } from "vitest";
import type { Dialogue } from "../../test/harness/smtp-dialogue.ts";
import { domains, shop, testSubmission, type TestSubmission } from "../../test/harness/submission.ts";
import { keyUseStep } from "../../contract/usage.ts";
import { buildDirectory } from "../directory.ts";

const stops: (() => Promise<void>)[] = [];
const start = (): Promise<TestSubmission> => testSubmission((stop) => stops.push(stop));
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function send(client: Dialogue, recipients: number, sender = "a@shop.example"): Promise<string> {
  const answer = await client.say(`MAIL FROM:<${sender}>`);
  if (!answer.startsWith("250")) return answer;
  for (let i = 0; i < recipients; i++) await client.say(`RCPT TO:<you${i}@there.example>`);
  await client.say("DATA");
  return client.say(`From: ${sender}\r\n\r\nx\r\n.`);
}

describe("credits", () => {
  test("are told to be low and to be gone in one event each", async () => {
    const relay = await start();
    const allowance = { credits: { type: "OneTime" as const, amount: 10 }, topUps: [] };
    relay.directory = buildDirectory([{ ...shop, allowance }], domains);
    const client = await relay.login();
    for (const recipients of [8, 1, 1]) expect(await send(client, recipients)).toMatch(/^250/);
    expect(await send(client, 1)).toBe("451 4.7.1 Authentication failed: Maximum credits exceeded");
    const told = relay.events.map((event) => ("class" in event ? `${event.type} ${event.class}` : event.type));
    expect(told).toEqual([
      "accepted",
      "accepted",
      "credits CreditsLow",
      "accepted",
      "credits CreditsExhausted",
      "refused CreditsExhausted",
    ]);
  });
});

test("the use of a key is noted in steps, without a word to the client", async () => {
  const relay = await start();
  await relay.login();
  await relay.login("staging00000");
  const used = (): Promise<Readonly<Record<string, number>>> => relay.store.ledger.keysUsed("team-shop/shop");
  await vi.waitFor(async () => expect(Object.keys(await used())).toEqual(["production00", "staging00000"]));
  for (const time of Object.values(await used())) expect(time % keyUseStep).toBe(0);
});

test("a suspended tenant is refused, in a session that is open too", async () => {
  const relay = await start();
  const client = await relay.login();
  expect(await send(client, 1)).toMatch(/^250/);
  relay.directory = buildDirectory(
    [{ ...shop, sending: { state: "Suspended", reason: "SuspendedByPlatform" } }],
    domains,
  );
  expect(await send(client, 1)).toBe("550 5.7.1 Sending is suspended for this account");
  expect(relay.events.at(-1)).toMatchObject({ type: "refused", class: "TenantSuspended" });
});

test("a tenant without own domains sends as its name below the shared domain, and as nothing else", async () => {
  const relay = await start();
  const domain = "shop.team-shop.mail.example";
  const environments = shop.environments.map(({ name, mode, credentials }) => ({ name, mode, credentials }));
  const shared = { domain, signedBy: "mail.example", namespace: "platform" };
  const held = { ...domains[0]!, domain: "mail.example", claim: { namespace: "platform", name: "mail" }, tenant: "p" };
  relay.directory = buildDirectory([{ ...shop, environments, domains: "Shared", shared }], [...domains, held]);
  const client = await relay.login();
  expect(await send(client, 1, `anybody@${domain}`)).toMatch(/^250/);
  expect(await send(client, 1, "a@shop.example")).toMatch(/^550 5\.7\.1 You are not authorized/);
  expect(await send(client, 1, "a@mail.example")).toMatch(/^550 5\.7\.1 You are not authorized/);
  expect(await send(client, 1, "a@other.team-shop.mail.example")).toMatch(/^550 5\.7\.1 You are not authorized/);
});
