import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readCredential } from "../harness/application.ts";
import { type LoadClient, openLoadClient } from "../harness/load-client.ts";
import { contentOf } from "../harness/numbered-content.ts";
import { seededRandom } from "../harness/seeded-random.ts";
import { plainOf } from "../harness/submission.ts";
import { until } from "../harness/until.ts";
import { startWorld, type World } from "../harness/world.ts";

const sessions = 6;
const kills = 4;
/** Milliseconds between two messages of a session: enough for some to be under way at any time. */
const pause = 100;
/** Sessions and deliveries that a kill may cut off between a fact and its telling. */
const inFlight = 60;

let world: World;
let plain: string;
beforeAll(async () => {
  world = await startWorld({ workers: 2, delivery: { lease: "3s" } });
  await world.prove();
  const { username, password } = await readCredential(world, "shop-production-web");
  plain = plainOf(password, username);
}, 60_000);
afterAll(() => world.close());

async function workersOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.trim().split(" ").filter(Boolean).map(Number);
}

async function page(path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${world.ports.admin}/${path}`)).text();
}

async function metric(name: string): Promise<number> {
  const line = (await page("metrics")).split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.split(" ")[1] ?? 0);
}

/** What clients were answered. */
interface Log {
  /** Numbers of messages that were answered 250, with the queue ids they were given. */
  readonly answered: Map<string, string>;
  /** Answers other than 250. */
  readonly refusals: string[];
}

/** Submits message after message, over a new connection when one breaks, until it is told to end or hung up on with 421. */
async function submit(name: string, log: Log, signal: AbortSignal): Promise<void> {
  let client: LoadClient | undefined;
  for (let i = 0; !signal.aborted; i += 1) {
    const number = `${name}-${i}`;
    try {
      client ??= await openLoadClient({ port: world.ports.implicit, plain, sender: "orders@shop.example" });
      const answer = await client.send(contentOf(number, 2000), `${number}@friend.example`);
      const queueId = /^250 2\.0\.0 Ok: queued as (\S+)$/.exec(answer)?.[1];
      if (queueId === undefined) log.refusals.push(answer);
      else log.answered.set(number, queueId);
      if (answer.startsWith("421")) return client.close();
    } catch {
      client?.close();
      client = undefined;
    }
    await sleep(pause);
  }
  client?.close();
}

interface Line {
  readonly type?: string;
  readonly queueId?: string;
  readonly worker?: number;
  readonly msg?: string;
}

function lines(): readonly Line[] {
  // What is being written now is not read, nor what is said to the person at the terminal.
  const all = world.relay().output().split("\n").slice(0, -1);
  return all.filter((line) => !line.startsWith("SIGTERM: ")).map((line) => JSON.parse(line) as Line);
}

test(
  "workers killed under load are replaced: nothing accepted is lost, each is delivered, and the counts are whole",
  { timeout: 120_000 },
  async () => {
    const random = seededRandom(2);
    const { pid } = world.relay();
    const first = await workersOf(pid);
    expect(first).toHaveLength(2);
    expect(await page("readyz")).toBe("ok\ndurability: Verified\n");
    const log: Log = { answered: new Map(), refusals: [] };
    const end = new AbortController();
    const clients = Array.from({ length: sessions }, (_, i) => submit(`k${i}`, log, end.signal));
    const killed: number[] = [];
    for (let round = 0; round < kills; round += 1) {
      await sleep(200 + random() * 500);
      // The older first, so that none of the first two is left at the end.
      const [victim = 0] = (await workersOf(pid)).toSorted((a, b) => a - b);
      process.kill(victim, "SIGKILL");
      killed.push(victim);
      const before = log.answered.size;
      await until("the other goes on", async () => (log.answered.size > before + 2 * sessions ? true : undefined));
      await until("all work again", async () => ((await metric("posthouse_workers")) === 2 ? true : undefined));
    }
    const last = await workersOf(pid);
    expect(last.filter((each) => killed.includes(each) || first.includes(each))).toEqual([]);
    const before = log.answered.size;
    await until("replacements accept", async () => (log.answered.size > before + 2 * sessions ? true : undefined));
    end.abort();
    await Promise.all(clients);
    expect(log.refusals).toEqual([]);

    const missing = () => {
      const delivered = new Set(world.sink.received.flatMap(({ recipients }) => recipients));
      return [...log.answered.keys()].filter((number) => !delivered.has(`${number}@friend.example`));
    };
    await until(
      "everything that was accepted is delivered",
      async () => (missing().length === 0 ? true : undefined),
      40_000,
    );
    await until("an empty queue", async () => ((await world.queue()).length === 0 ? true : undefined));
    const everything = world.sink.received.flatMap(({ recipients }) => recipients);
    const duplicates = everything.length - new Set(everything).size;
    expect(duplicates).toBeLessThanOrEqual(kills * inFlight);

    const told = lines();
    const accepted = told.filter(({ type }) => type === "accepted");
    const ids = new Set(accepted.map(({ queueId }) => queueId));
    expect(ids.size).toBe(accepted.length);
    expect([...log.answered.values()].filter((queueId) => !ids.has(queueId))).toEqual([]);
    // Some were accepted, and the kill came before the answer.
    expect(accepted.length - log.answered.size).toBeLessThanOrEqual(kills * sessions);
    expect(await metric('posthouse_relay_events_total{type="accepted",class=""}')).toBe(accepted.length);
    expect(await metric("posthouse_worker_ends_total")).toBe(kills);
    expect(new Set(told.flatMap(({ worker }) => worker ?? []))).toEqual(new Set([1, 2]));
    expect(told.filter(({ msg }) => msg?.startsWith("a worker ended and is replaced"))).toHaveLength(kills);
  },
);

test("workers end with a primary that is killed, and the next one goes on", { timeout: 60_000 }, async () => {
  const workers = await workersOf(world.relay().pid);
  await world.killAndRestart();
  for (const worker of workers) expect(() => process.kill(worker, 0)).toThrow(/ESRCH/);
  const log: Log = { answered: new Map(), refusals: [] };
  const end = new AbortController();
  const client = submit("n", log, end.signal);
  await until("a message is accepted", async () => (log.answered.size > 0 ? true : undefined));
  end.abort();
  await client;
  await until("it is delivered", async () =>
    world.sink.received.some(({ recipients }) => recipients.includes("n-0@friend.example")) ? true : undefined,
  );
});

test("asked to stop, all workers finish what they began and nobody is cut off", { timeout: 60_000 }, async () => {
  const workers = await workersOf(world.relay().pid);
  const log: Log = { answered: new Map(), refusals: [] };
  const end = new AbortController();
  const clients = Array.from({ length: sessions }, (_, i) => submit(`s${i}`, log, end.signal));
  await until("a load", async () => (log.answered.size > 4 * sessions ? true : undefined));
  const code = await world.relay().stop();
  // Those that were told to go have ended; one that found nobody to connect to any more is told here.
  end.abort();
  await Promise.all(clients);
  expect(code).toBe(0);
  for (const worker of workers) expect(() => process.kill(worker, 0)).toThrow(/ESRCH/);
  expect(log.refusals.filter((answer) => !answer.startsWith("421 "))).toEqual([]);
  const ids = new Set(lines().flatMap(({ type, queueId }) => (type === "accepted" ? [queueId] : [])));
  expect([...log.answered.values()].filter((queueId) => !ids.has(queueId))).toEqual([]);
});
