import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { type LineProcess, startLineProcess } from "../harness/line-process.ts";
import { isIntact } from "../harness/numbered-content.ts";
import { seededRandom } from "../harness/seeded-random.ts";
import { withStore } from "../harness/with-store.ts";

const rounds = 12;
const size = 4096;
const window = 8;
const child = new URL("../harness/store-child.ts", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "posthouse-killed-writer-"));
const processes = new Set<LineProcess>();

afterAll(async () => {
  await Promise.all([...processes].map((each) => each.kill()));
  rmSync(folder, { recursive: true });
});

/** A process that writes without pause. */
interface Writer {
  readonly process: LineProcess;
  /** Ids that it confirmed. */
  readonly accepted: () => readonly string[];
}

async function startWriter(name: string): Promise<Writer> {
  const process = startLineProcess([globalThis.process.execPath, child, folder]);
  processes.add(process);
  await process.saw(/^open/);
  let next = 0;
  const more = (): void => process.send(`accept ${name}-${(next += 1)} ${size}`);
  process.child.stdout?.on("data", (text: Buffer) => {
    for (const _ of text.toString().match(/\n/g) ?? []) more();
  });
  for (let i = 0; i < window; i += 1) more();
  const accepted = (): readonly string[] =>
    process.lines.flatMap((line) => (line.startsWith("accepted ") ? [line.slice("accepted ".length)] : []));
  return { process, accepted };
}

test(
  "of two processes that write to one embedded store one is killed, time and again: the other goes on, and nothing confirmed is lost",
  { timeout: 120_000 },
  async () => {
    const random = seededRandom(20_261_122);
    const confirmed: string[] = [];
    let writers = await Promise.all([startWriter("a"), startWriter("b")]);
    for (let round = 0; round < rounds; round += 1) {
      const [victim, other] = random() < 0.5 ? writers : writers.toReversed();
      if (victim === undefined || other === undefined) throw new Error("there are two");
      await sleep(random() * 150);
      await victim.process.kill();
      processes.delete(victim.process);
      confirmed.push(...victim.accepted());
      // Ten more after the kill: it holds neither the lock that the killed one held, nor a commit that it had begun.
      const seen = other.process.lines.length + window + 10;
      const late = sleep(10_000).then(() => "stands still" as const);
      const goesOn = (async () => {
        while (other.process.lines.length < seen) await sleep(5);
        return "goes on" as const;
      })();
      expect(await Promise.race([goesOn, late])).toBe("goes on");
      expect(other.process.lines.filter((line) => line.startsWith("failed"))).toEqual([]);
      writers = [other, await startWriter(`r${round}`)];
    }
    for (const { process, accepted } of writers) {
      await process.kill();
      confirmed.push(...accepted());
    }
    await withStore(folder, async (store) => {
      const rows = await store.queue.list(1_000_000);
      const spooled = new Set(rows.map(({ envelope }) => envelope.id));
      expect(confirmed.filter((id) => !spooled.has(id))).toEqual([]);
      for (const id of spooled) {
        const content = await store.spool.content(id);
        expect({ id, intact: isIntact(id, size, content) }).toEqual({ id, intact: true });
      }
      expect((await store.ledger.usage("team-shop/shop"))?.used).toBe(rows.length);
      expect(confirmed.length).toBeGreaterThan(rounds * window);
    });
  },
);
