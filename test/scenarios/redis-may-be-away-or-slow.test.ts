import { afterEach, expect, test } from "vitest";
import { buildDirectory } from "../../relay/directory.ts";
import { defaultTiming } from "../../relay/store/redis/client.ts";
import type { ConnectOptions } from "../../relay/store/redis/connect.ts";
import { systemClock } from "../../runtime/clock.ts";
import { type RedisServer, startRedis, startReplica } from "../harness/redis.ts";
import { openRedisStore } from "../harness/redis-store.ts";
import type { Dialogue } from "../harness/smtp-dialogue.ts";
import { startSlowProxy } from "../harness/slow-proxy.ts";
import { domains, keyOf, plainOf, shop, testSubmission, type TestSubmission } from "../harness/submission.ts";
import { unhinderedTime } from "../harness/unhindered-time.ts";
import { until } from "../harness/until.ts";

const now = unhinderedTime();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function start(url: string, changes: Partial<ConnectOptions> = {}): Promise<TestSubmission> {
  const store = await openRedisStore(url, changes);
  const relay = await testSubmission((stop) => closing.push(stop), {}, systemClock, store);
  const allowance = { credits: { type: "OneTime" as const, amount: 1e9 }, topUps: [] };
  relay.directory = buildDirectory([{ ...shop, allowance }], domains);
  return relay;
}

async function redis(): Promise<RedisServer> {
  const server = await startRedis();
  closing.push(() => server.close());
  return server;
}

async function send(client: Dialogue, subject: string, padding = 0): Promise<string> {
  await client.say("MAIL FROM:<a@shop.example>");
  await client.say("RCPT TO:<b@example.net>");
  await client.say("DATA");
  const lines = `${"x".repeat(70)}\r\n`.repeat(Math.ceil(padding / 72));
  return client.say(`From: a@shop.example\r\nSubject: ${subject}\r\n\r\n${lines}.`);
}

async function timed<T>(work: Promise<T>): Promise<{ readonly answer: T; readonly took: number }> {
  const [began, beganAt] = [now(), Date.now()];
  const answer = await work;
  // That clock stands still while the relay has its hands full, which it may have for a moment.
  expect(Date.now() - beganAt).toBeLessThan(20_000);
  return { answer, took: now() - began };
}

async function authenticate(relay: TestSubmission): Promise<string> {
  const client = await relay.connect(true);
  await client.reply();
  await client.say("EHLO client.example");
  const answer = await client.say(`AUTH PLAIN ${plainOf(keyOf("production00"))}`);
  client.close();
  return answer;
}

/** What Redis has queued. */
async function queued(server: RedisServer): Promise<number> {
  return Number(await server.ask("ZCARD", "posthouse:due"));
}

const ways = [
  { name: "killed", away: (server: RedisServer) => server.kill(), back: (server: RedisServer) => server.start() },
  { name: "stopped", away: (server: RedisServer) => server.stop(), back: (server: RedisServer) => server.start() },
  {
    name: "paused",
    away: async (server: RedisServer) => server.pause(),
    back: async (server: RedisServer) => server.resume(),
  },
];

test.each(ways)(
  "a Redis that is $name costs two seconds at most, no connection and no message",
  async ({ away, back }) => {
    const server = await redis();
    const relay = await start(server.url);
    const client = await relay.login();
    expect(await send(client, "before")).toMatch(/^250 /);
    await away(server);
    const [data, auth] = await Promise.all([timed(send(client, "during")), timed(authenticate(relay))]);
    expect(data.answer).toMatch(/^451 4\.3\.0 /);
    expect(auth.answer).toMatch(/^454 4\.7\.0 /);
    expect(data.took).toBeLessThan(2000);
    expect(auth.took).toBeLessThan(2000);
    await back(server);
    // The same connection, without a restart of anything.
    const again = await until("mail is taken again", async () => {
      const answer = await send(client, "after");
      return answer.startsWith("250") ? answer : undefined;
    });
    expect(again).toMatch(/^250 /);
    expect(await authenticate(relay)).toMatch(/^235 /);
    // Of what a client was told 451 nothing is left, nor billed: it comes again.
    const told = relay.store.accepted.length;
    await until("what was refused is gone", async () => ((await queued(server)) === told ? true : undefined), 5000);
    expect((await relay.store.ledger.usage("team-shop/shop"))?.used).toBe(told);
  },
);

test("what too few replicas have is refused, and taken back", async () => {
  const server = await redis();
  const replica = await startReplica(server);
  closing.push(() => replica.close());
  const relay = await start(server.url, { replicas: 1 });
  const client = await relay.login();
  await until("the replica follows", async () => ((await send(client, "a")).startsWith("250") ? true : undefined));
  replica.pause();
  const late = await timed(send(client, "late"));
  expect(late.answer).toMatch(/^451 4\.3\.0 /);
  expect(late.took).toBeLessThan(2000);
  const told = relay.store.accepted.length;
  await until("it is gone", async () => ((await queued(server)) === told ? true : undefined), 5000);
  expect((await relay.store.ledger.usage("team-shop/shop"))?.used).toBe(told);
  replica.resume();
  await until("the replica follows", async () => ((await send(client, "b")).startsWith("250") ? true : undefined));
});

test("while Redis restarts under load, whoever was told 250 is in the spool, and most notice nothing", async () => {
  const server = await redis();
  const relay = await start(server.url);
  const clients = await Promise.all(Array.from({ length: 10 }, () => relay.login()));
  const answers: string[] = [];
  const stop = new AbortController();
  const load = clients.map(async (client, i) => {
    while (!stop.signal.aborted) answers.push(await send(client, `from ${i}`));
  });
  for (let round = 0; round < 3; round += 1) {
    const before = answers.length;
    await until("mail flows", async () => (answers.length > before + 30 ? true : undefined));
    await server.kill();
    await server.start();
  }
  stop.abort();
  await Promise.all(load);
  const told = answers.filter((answer) => answer.startsWith("250"));
  expect(answers.filter((answer) => !/^(250|451 4\.3\.0) /.test(answer))).toEqual([]);
  expect(answers.length - told.length).toBeLessThan(told.length / 10);
  expect(await queued(server)).toBeGreaterThanOrEqual(told.length);
  const usage = await relay.store.ledger.usage("team-shop/shop");
  expect(usage?.used).toBe(await queued(server));
});

const slow = [
  { delay: 500, clients: 4, timing: defaultTiming },
  // What the machine adds for so many must not count: nobody is given up.
  { delay: 1000, clients: 40, timing: { ...defaultTiming, patience: 15_000 } },
];

test.each(slow)(
  "a Redis that takes $delay ms for each answer slows $clients clients down, and fills no memory",
  async ({ delay, clients: count, timing }) => {
    const server = await redis();
    const proxy = await startSlowProxy(server.port, 0);
    closing.push(() => proxy.close());
    const relay = await start(`redis://127.0.0.1:${proxy.port}`, { timing });
    const clients = await Promise.all(Array.from({ length: count }, () => relay.login()));
    proxy.delay = delay;
    const before = process.memoryUsage().rss;
    const all = await Promise.all(clients.map((client) => timed(send(client, "slow", 100_000))));
    const grown = process.memoryUsage().rss - before;
    expect(all.filter(({ answer }) => !answer.startsWith("250"))).toEqual([]);
    expect(Math.min(...all.map(({ took }) => took))).toBeGreaterThan(delay / 2);
    // Not one after the other.
    expect(Math.max(...all.map(({ took }) => took))).toBeLessThan(10 * delay);
    expect(grown).toBeLessThan(150 * 2 ** 20);
    proxy.delay = 0;
    // Behind answers that are still on their way.
    await until("mail is fast again", async () => {
      const { answer, took } = await timed(send(clients[0]!, "fast"));
      return answer.startsWith("250") && took < 500 ? true : undefined;
    });
  },
);
