import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Rate } from "../../contract/rates.ts";
import { buildDirectory } from "../../relay/directory.ts";
import type { MailEvent } from "../../relay/event/event.ts";
import { startSubmission } from "../../relay/session/submission.ts";
import { openStore } from "../../relay/store/lmdb/open-store.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { type Dialogue, dialogue } from "../harness/smtp-dialogue.ts";
import { domains, keyOf, plainOf, shop, testCertificate, testLimits } from "../harness/submission.ts";

/** 2026-11-22T12:00:00Z. */
const noon = 1_795_348_800_000;
const midnight = noon + 12 * 3_600_000;

interface Relay {
  readonly events: readonly MailEvent[];
  /** Connected, and logged in as the environment `production`. */
  readonly client: Dialogue;
  stop(): Promise<void>;
}

let path: string;
/** What relays see; their timers run by themselves. */
let now: number;
const running = new Set<Relay>();
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "posthouse-rates-"));
  now = noon;
});
afterEach(async () => {
  for (const relay of running) await relay.stop();
  rmSync(path, { recursive: true });
});

/** The front of a relay on the store in `path`, as a process would start it. */
async function startRelay(rate: Rate): Promise<Relay> {
  const clock = { ...systemClock, now: () => now };
  const log = createLogger({ level: "silent", destination: { write: () => undefined } });
  const store = await openStore({ path, clock, log });
  const events: MailEvent[] = [];
  const environments = shop.environments.map((environment) => ({ ...environment, rate }));
  const directory = buildDirectory([{ ...shop, environments }], domains);
  const submission = await startSubmission({
    listeners: [{ name: "submissions", host: "127.0.0.1", port: 0, tls: "Implicit" }],
    tls: await testCertificate(),
    limits: testLimits(),
    hostname: "mail.example",
    directory: () => directory,
    spool: store.spool,
    ledger: store.ledger,
    clock,
    log,
    events: (event) => events.push(event),
  });
  const client = await dialogue({ port: submission.addresses.get("submissions")?.port ?? 0, implicitTls: true });
  await client.reply();
  await client.say("EHLO client.example");
  expect(await client.say(`AUTH PLAIN ${plainOf(keyOf("production00"))}`)).toMatch(/^235/);
  const relay: Relay = {
    events,
    client,
    async stop() {
      running.delete(relay);
      client.close();
      await submission.stop();
      await store.close();
    },
  };
  running.add(relay);
  return relay;
}

/** Submits a message to one recipient; the reply that it ends with. */
async function send({ client }: Relay): Promise<string> {
  const answer = await client.say("MAIL FROM:<a@shop.example>");
  if (!answer.startsWith("250")) return answer;
  await client.say("RCPT TO:<you@there.example>");
  await client.say("DATA");
  return client.say("From: a@shop.example\r\n\r\nx\r\n.");
}

async function accepts(relay: Relay, count: number): Promise<void> {
  for (let i = 0; i < count; i++) expect(await send(relay)).toMatch(/^250 2\.0\.0 Ok: queued as/);
}

const refusal = (text: string): string => `451 4.7.1 Rate limit exceeded, try again in ${text}`;

test("an environment limited to 5 a second gets 5, then a time to wait, then one for each fifth of a second", async () => {
  const relay = await startRelay({ perSecond: 5 });
  await accepts(relay, 5);
  expect(await send(relay)).toBe(refusal("1 second"));
  now += 199;
  expect(await send(relay)).toBe(refusal("1 second"));
  now += 1;
  await accepts(relay, 1);
  expect(await send(relay)).toBe(refusal("1 second"));
  now += 400;
  await accepts(relay, 2);
  expect(await send(relay)).toBe(refusal("1 second"));
  now += 1000;
  await accepts(relay, 5);
  expect(relay.events.map(({ type }) => type).filter((type) => type === "accepted")).toHaveLength(13);
  expect(relay.events.filter(({ type }) => type === "refused").map((event) => "class" in event && event.class)).toEqual(
    Array.from({ length: 4 }, () => "EnvironmentRateLimited"),
  );
});

test("a day's count goes on over a restart, and begins anew at 00:00 UTC", async () => {
  const first = await startRelay({ perDay: 4 });
  await accepts(first, 3);
  await first.stop();
  now += 3_600_000;
  const second = await startRelay({ perDay: 4 });
  await accepts(second, 1);
  expect(await send(second)).toBe(refusal("39600 seconds"));
  await second.stop();
  now = midnight - 1;
  const third = await startRelay({ perDay: 4 });
  expect(await send(third)).toBe(refusal("1 second"));
  now = midnight;
  await accepts(third, 4);
  expect(await send(third)).toBe(refusal("86400 seconds"));
});
