import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Allowance } from "../../contract/credits.ts";
import { noon } from "../../relay/store/port-suite/fixture.ts";
import { redisStore } from "../../relay/store/redis/store.ts";
import type { Store } from "../../relay/store/store.ts";
import { systemClock } from "../../runtime/clock.ts";
import { type LineProcess, startLineProcess } from "../harness/line-process.ts";
import { type RedisServer, startRedis } from "../harness/redis.ts";
import { plainConnection } from "../harness/redis-connection.ts";
import type { Sending, Sent } from "../harness/redis-sender.ts";

const prefix = "exact:";
const senders = 200;
const hour = 3_600_000;
const midnight = noon + 12 * hour;
/** 2026-11-30, a Monday, and 2026-12-01. */
const monday = midnight + 7 * 24 * hour;
const december = midnight + 8 * 24 * hour;

let server: RedisServer;
let relays: readonly LineProcess[];
let store: Store;

beforeAll(async () => {
  server = await startRedis();
  const script = new URL("../harness/redis-sender.ts", import.meta.url).pathname;
  relays = Array.from({ length: 4 }, () => startLineProcess([process.execPath, script, server.url, prefix]));
  await Promise.all(relays.map((relay) => relay.saw(/^open$/)));
  store = await openStore();
});
afterAll(async () => {
  await store.close();
  await Promise.all(relays.map((relay) => relay.kill()));
  await server.close();
});

function openStore(): Promise<Store> {
  return redisStore({ connection: plainConnection(server.port), prefix, clock: { ...systemClock, now: () => noon } });
}

interface Case {
  readonly name: string;
  readonly allowance: Allowance;
  /** Recipients of each message. */
  readonly recipients?: number;
  /** When the period rolls over, right in the middle: half of the messages come before it, half after it. */
  readonly rollOver?: number;
  /** Credits of each period. */
  readonly each: number;
}

const recurring = (amount: number, reset: "Daily" | "Weekly" | "Monthly"): Allowance => ({
  credits: { type: "Recurring", amount, reset },
  topUps: [],
});

/** In the order of time: the clock of the store never runs back. */
const cases: readonly Case[] = [
  { name: "Unlimited", allowance: { credits: { type: "Unlimited" }, topUps: [] }, each: 1000 },
  { name: "OneTime", allowance: { credits: { type: "OneTime", amount: 123 }, topUps: [] }, each: 123 },
  {
    name: "OneTime, of three each",
    allowance: { credits: { type: "OneTime", amount: 124 }, topUps: [] },
    recipients: 3,
    each: 123,
  },
  {
    name: "OneTime with top-ups",
    allowance: {
      credits: { type: "OneTime", amount: 50 },
      topUps: [
        { name: "spring", amount: 30 },
        { name: "autumn", amount: 17, expiresAt: midnight },
        { name: "gone", amount: 99, expiresAt: noon },
      ],
    },
    each: 97,
  },
  { name: "Daily over midnight", allowance: recurring(61, "Daily"), rollOver: midnight, each: 61 },
  { name: "Weekly over Sunday", allowance: recurring(61, "Weekly"), rollOver: monday, each: 61 },
  { name: "Monthly over November", allowance: recurring(61, "Monthly"), rollOver: december, each: 61 },
];

describe("200 senders at once on four relays, Redis killed and started in between", () => {
  test.each(cases)("$name: never one over, never one lost", async (one) => {
    const tenant = `exact/${cases.indexOf(one)}`;
    const sent = await sendAll(tenant, one);
    const rows = (await store.queue.list(9999)).filter(({ envelope }) => envelope.tenant === tenant);
    const accepted = sent.filter(({ result }) => result !== "Exhausted");
    expect(rows.map(({ envelope }) => envelope.id)).toEqual(accepted.map(({ id }) => id).toSorted());

    const { recipients = 1, each, rollOver } = one;
    const spent = accepted.length * recipients;
    const all = Math.min(each, senders * recipients);
    // A hundred come after the roll-over at least: they use the new period up, and what is over was of the old one.
    const { least, most, last } =
      rollOver === undefined ? { least: all, most: all, last: all } : { least: each + 1, most: 2 * each, last: each };
    expect(spent).toBeGreaterThanOrEqual(least);
    expect(spent).toBeLessThanOrEqual(most);
    expect(await spentBy(tenant)).toBe(last);
    for (const crossing of ["AcceptedLow", "AcceptedLast"])
      expect(sent.filter(({ result }) => result === crossing).length).toBeLessThanOrEqual(
        rollOver === undefined ? 1 : 2,
      );
  });
});

/** Credits of the current period, and of top-ups. */
async function spentBy(tenant: string): Promise<number> {
  const usage = await store.ledger.usage(tenant);
  return Object.values(usage?.topUpsUsed ?? {}).reduce((sum, used) => sum + used, usage?.used ?? 0);
}

/** Relays take turns; Redis is killed as soon as the first messages stand in it. */
async function sendAll(tenant: string, { allowance, recipients = 1, rollOver }: Case): Promise<readonly Sent[]> {
  const messages = Array.from({ length: senders }, (_, index) => ({
    id: `${tenant.replace("/", "-")}-${String(index).padStart(4, "0")}`,
    at: rollOver === undefined ? noon : rollOver + ((index >> 2) % 2 === 0 ? -1 - index : index),
    recipients,
  }));
  const seen = relays.map((relay) => relay.lines.length);
  relays.forEach((relay, number) => {
    const mine = messages.filter((__, index) => index % relays.length === number);
    const sending: Sending = { tenant, allowance, messages: mine };
    relay.send(JSON.stringify(sending));
  });
  const answered = relays.map((relay, number) => relay.saw(/^sent /, seen[number]));
  await Promise.race([...answered, seenFirst(tenant)]);
  await server.kill();
  await server.start();
  const lines = await Promise.all(answered);
  return lines.flatMap((line): readonly Sent[] => JSON.parse(line.slice("sent ".length)));
}

async function seenFirst(tenant: string): Promise<void> {
  while ((await store.ledger.usage(tenant)) === undefined);
}
