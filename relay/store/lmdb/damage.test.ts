import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLogger } from "../../../runtime/log.ts";
import { draft, minute, noon } from "../port-suite/fixture.ts";
import type { Store } from "../store.ts";
import { RecordDamaged } from "./checksum.ts";
import { openStore } from "./open-store.ts";

let folder: string;
const lines: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "posthouse-damage-"));
  lines.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

function openIt(): Promise<Store> {
  const log = createLogger({ level: "error", destination: { write: (line: string) => void lines.push(line) } });
  return openStore({ path: folder, clock: { now: () => noon }, log });
}

/** A store with two messages, in whose file each occurrence of `text` is altered by a bit. */
async function damaged(text: string): Promise<Store> {
  const store = await openIt();
  await store.spool.accept(draft("m1", { to: ["first@example.net"] }));
  await store.spool.accept(draft("m2", { to: ["second@example.net"] }));
  await store.close();
  const file = join(folder, "data.mdb");
  const octets = readFileSync(file);
  for (let at = octets.indexOf(text); at >= 0; at = octets.indexOf(text, at + 1)) octets[at] = (octets[at] ?? 0) ^ 1;
  writeFileSync(file, octets);
  return openIt();
}

describe("a damaged record", () => {
  test("of a content is never handed over", async () => {
    const store = await damaged("body of m1");
    await expect(store.spool.content("m1")).rejects.toThrow(RecordDamaged);
    expect(Buffer.from((await store.spool.content("m2")) ?? []).toString()).toContain("body of m2");
    await store.close();
  });

  test.each([
    ["delivery", "first@example.net"],
    ["envelope", "m1@example.com"],
  ])("of a %s leaves all other mail in its order, and is named once", async (_, text) => {
    const store = await damaged(text);
    expect((await store.spool.claim(noon, 10, minute)).map(({ key }) => key)).toEqual(["m2/0"]);
    expect(await store.spool.nextDue()).toBe(noon + minute);
    expect(await store.spool.claim(noon, 10, minute)).toEqual([]);
    expect(lines.map((line) => line.includes('"queueId":"m1"'))).toEqual([true]);
    await store.close();
  });
});
