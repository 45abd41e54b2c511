import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import type { QueueRow } from "../../relay/store/queue.ts";
import type { Store } from "../../relay/store/store.ts";
import { type LoadClient, openLoadClient } from "../harness/load-client.ts";
import { contentOf } from "../harness/numbered-content.ts";
import { startRelayFront } from "../harness/relay-front.ts";
import { seededRandom } from "../harness/seeded-random.ts";
import { keyOf, plainOf } from "../harness/submission.ts";
import { withStore } from "../harness/with-store.ts";

const rounds = 30;
const sessions = 8;
const folder = mkdtempSync(join(tmpdir(), "posthouse-kill-"));
const tenant = "team-shop/shop";

afterAll(() => rmSync(folder, { recursive: true }));

/** A message that was answered with 250. */
interface Answered {
  readonly queueId: string;
  readonly number: string;
  readonly size: number;
}

test(
  "30 times killed at a random moment under load: what was answered 250 is there once, whole, and billed once",
  { timeout: 120_000, retry: 0 },
  async () => {
    const random = seededRandom(20_261_122);
    let billed = 0;
    let answered = 0;
    for (let round = 0; round < rounds; round += 1) {
      const sent = await loadAndKill(`r${round}`, random);
      answered += sent.length;
      billed = await withStore(folder, (store) => examine(store, sent, billed));
    }
    expect(answered).toBeGreaterThan(rounds * sessions);
    expect(billed).toBeGreaterThanOrEqual(answered);
  },
);

/** One round: a relay takes messages of several sessions, until it is killed. Returns what was answered. */
async function loadAndKill(round: string, random: () => number): Promise<readonly Answered[]> {
  const { relay, port } = await startRelayFront(folder);
  const answered: Answered[] = [];
  try {
    const login = { port, plain: plainOf(keyOf("production00")), sender: "a@shop.example" };
    const clients = await Promise.all(Array.from({ length: sessions }, () => openLoadClient(login)));
    const ends = clients.map((client, index) => submit(client, `${round}-${index}`, answered));
    await sleep(20 + random() * 230);
    await relay.kill();
    await Promise.all(ends);
  } finally {
    await relay.kill();
  }
  return answered;
}

/** Submits messages of several sizes until the connection breaks. */
async function submit(client: LoadClient, prefix: string, answered: Answered[]): Promise<void> {
  const sizes = [100, 4096, 12_000, 150_000];
  for (let number = 0; ; number += 1) {
    const name = `${prefix}-${number}`;
    const size = sizes[number % sizes.length] ?? 0;
    const answer = await client.send(contentOf(name, size), `${name}@example.net`).catch(() => undefined);
    if (answer === undefined) return client.close();
    const queueId = /^250 2\.0\.0 Ok: queued as (\S+)$/.exec(answer)?.[1];
    if (queueId === undefined) throw new Error(`unexpected answer: ${answer}`);
    answered.push({ queueId, number: name, size });
  }
}

/**
 * Compares the store with what was answered, and empties it for the next round. Messages that were spooled, but
 * killed before their answer, may be there: billed, and delivered later. Returns the credits used so far.
 */
async function examine(store: Store, answered: readonly Answered[], billedBefore: number): Promise<number> {
  const rows = await store.queue.list(100_000);
  const byNumber = Map.groupBy(rows, (row) => row.recipients.map(({ address }) => address.split("@")[0]).join());
  for (const { queueId, number, size } of answered) {
    const sent = contentOf(number, size);
    const kept = Buffer.from((await store.spool.content(queueId)) ?? []);
    const found = { number, ids: byNumber.get(number)?.map(idOf), whole: kept.subarray(-sent.length).equals(sent) };
    expect(found).toEqual({ number, ids: [queueId], whole: true });
  }
  expect([...byNumber.values()].filter((same) => same.length > 1)).toEqual([]);
  for (const row of rows) expect((await store.spool.content(idOf(row)))?.byteLength).toBe(row.envelope.size);
  const used = (await store.ledger.usage(tenant))?.used ?? 0;
  expect(used).toBe(billedBefore + rows.length);

  const due = await store.spool.claim(Number.MAX_SAFE_INTEGER - 1, 100_000, 1);
  expect(due).toHaveLength(rows.length);
  await Promise.all(due.map((delivery) => store.spool.settle(delivery, { kind: "Done" })));
  return used;
}

function idOf(row: QueueRow): string {
  return row.envelope.id;
}
