import { execFileSync } from "node:child_process";
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createLogger } from "../../../runtime/log.ts";
import { draft, noon } from "../port-suite/fixture.ts";
import { fillStore } from "../port-suite/transfer.ts";
import type { Store } from "../store.ts";
import { checkLmdb } from "./check.ts";
import { openStore } from "./open-store.ts";
import { flag } from "./pages.ts";
import { salvageLmdb, type Salvaged } from "./salvage.ts";
import { nextTurn } from "../../../runtime/turn.ts";

const log = createLogger({ level: "silent", destination: { write: () => undefined } });
const clock = { now: () => noon };
const pageSize = 4096;
const kinds = { branch: flag.branch, leaf: flag.leaf, overflow: 4 } as const;

let source: string;
let folder: string;
const contents = new Map<string, string>();
const messages = 120;

beforeAll(async () => {
  source = mkdtempSync(join(tmpdir(), "posthouse-whole-"));
  const store = await openStore({ path: source, clock, log });
  await fillStore(store);
  for (let index = 0; index < messages; index += 1) {
    const id = `n${String(index).padStart(3, "0")}`;
    const content = Buffer.alloc(index % 3 === 0 ? 9000 : 200, `${id} `);
    await store.spool.accept(draft(id, { content, to: [`${id}@one.example`, `${id}@two.example`] }));
    if (index % 20 === 0) {
      const { envelope } = draft(`k${id}`);
      await store.captures.keep({ envelope, recipients: [], capturedAt: noon }, content, 2 ** 20);
    }
  }
  for (const { envelope } of await store.queue.list(999))
    contents.set(envelope.id, textOf(await store.spool.content(envelope.id)));
  await store.close();
});
afterAll(() => rmSync(source, { recursive: true }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "posthouse-damaged-"));
  cpSync(join(source, "data.mdb"), join(folder, "data.mdb"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function textOf(content: Uint8Array | undefined): string {
  return Buffer.from(content ?? []).toString("latin1");
}

/** A small generator of numbers that look random, the same each time. */
function chance(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Flips bits in a page of a kind; the newest state leads to most of those. */
function flip(kind: keyof typeof kinds, seed: number, bits: number): void {
  const path = join(folder, "data.mdb");
  const file = readFileSync(path);
  const pages = Array.from({ length: file.length / pageSize - 2 }, (_, index) => index + 2);
  const fitting = pages.filter(
    (page) => file.readUInt32LE(page * pageSize) === page && file.readUInt16LE(page * pageSize + 18) === kinds[kind],
  );
  const next = chance(seed);
  const page = fitting[next(fitting.length)] ?? 2;
  for (let bit = 0; bit < bits; bit += 1) {
    const at = page * pageSize + next(pageSize);
    file[at] = (file[at] ?? 0) ^ (1 << next(8));
  }
  writeFileSync(path, file);
}

async function afterwards(look: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore({ path: folder, clock, log });
  try {
    await look(store);
  } finally {
    await store.close();
  }
}

/** What is there is as it was, what is not is named, and the new file is in order. */
async function expectSound({ missing }: Salvaged, named = true): Promise<number> {
  expect(checkLmdb(folder).problems).toEqual([]);
  let there = 0;
  await afterwards(async ({ spool, queue }) => {
    const ids = new Set((await queue.list(999)).map(({ envelope }) => envelope.id));
    for (const id of ids) expect(textOf(await spool.content(id))).toBe(contents.get(id));
    const silent = [...contents.keys()].filter((id) => !ids.has(id) && !missing.includes(id));
    expect(named ? silent : []).toEqual([]);
    const claimed = await spool.claim(noon * 2, 999, 1);
    expect(new Set(claimed.map(({ envelope }) => envelope.id))).toEqual(ids);
    for (const { envelope, recipients } of claimed.filter((one) => one.envelope.id.startsWith("n")))
      expect(recipients[0]?.address).toMatch(new RegExp(`^${envelope.id}@`));
    there = ids.size;
  });
  return there;
}

describe("a check of the embedded store", () => {
  test("finds nothing in a store that is whole, and counts it", () => {
    const { problems, counts } = checkLmdb(source);
    expect(problems).toEqual([]);
    expect(counts).toMatchObject({ messages: contents.size, deliveries: 4 + 2 * messages, captures: 7, tenants: 2 });
  });

  test("finds nothing while messages come and go", async () => {
    const store = await openStore({ path: folder, clock, log });
    const state = { busy: true };
    const work = (async () => {
      for (let index = 0; state.busy; index += 1) {
        await store.spool.accept(draft(`x${index}`, { content: Buffer.alloc(6000) }));
        for (const one of await store.spool.claim(noon, 3, 1)) await store.spool.settle(one, { kind: "Done" });
      }
    })();
    for (let round = 0; round < 5; round += 1) {
      expect(checkLmdb(folder).problems).toEqual([]);
      await nextTurn();
    }
    state.busy = false;
    await work;
    await store.close();
  });
});

describe("a damaged store", () => {
  test("that is not, is copied whole", async () => {
    const salvaged = await salvageLmdb({ folder, now: noon, log });
    expect(salvaged.missing).toEqual([]);
    expect(await expectSound(salvaged)).toBe(contents.size);
    expect(readdirSync(folder)).toContain(`data.mdb.damaged-2026-11-22T12-00-00-000Z`);
    await afterwards(async ({ captures, ledger }) => {
      expect(await captures.list(99)).toHaveLength(7);
      expect((await ledger.usage("b/shop"))?.used).toBe(2);
    });
  });

  const seeds = Array.from({ length: 10 }, (_, index) => index + 1);
  test.each(seeds)("keeps every message when a branch page is hit (%d)", async (seed) => {
    flip("branch", seed, 3);
    expect(await expectSound(await salvageLmdb({ folder, now: noon, log }))).toBe(contents.size);
  });

  test.each(seeds)("loses no more than a page's records when a leaf page is hit (%d)", async (seed) => {
    flip("leaf", seed, 2);
    const there = await expectSound(await salvageLmdb({ folder, now: noon, log }));
    expect(there).toBeGreaterThan(contents.size - 40);
  });

  test.each(seeds)("loses no more than one message when a long content is hit (%d)", async (seed) => {
    flip("overflow", seed, 2);
    const there = await expectSound(await salvageLmdb({ folder, now: noon, log }));
    expect(there).toBeGreaterThanOrEqual(contents.size - 1);
  });

  test.each([0.3, 0.6, 0.9])("keeps what is there of a file that was cut to %d", async (share) => {
    const path = join(folder, "data.mdb");
    truncateSync(path, Math.floor(readFileSync(path).length * share));
    expect(checkLmdb(folder).problems.length).toBeGreaterThan(0);
    // Of a message of which nothing is left nobody knows.
    await expectSound(await salvageLmdb({ folder, now: noon, log }), false);
  });

  test("that was moved away stays so", async () => {
    const mark = { kind: "MovedTo", move: "m", place: "redis", at: noon } as const;
    await afterwards(({ transfer }) => transfer.setMark(mark));
    flip("overflow", 1, 2);
    await salvageLmdb({ folder, now: noon, log });
    await afterwards(async ({ transfer }) => expect(await transfer.mark()).toEqual(mark));
  });

  test("that was moved away stays so, even if that is what is damaged", async () => {
    const mark = { kind: "MovedTo", move: "the very move", place: "redis", at: noon } as const;
    await afterwards(({ transfer }) => transfer.setMark(mark));
    const path = join(folder, "data.mdb");
    const octets = readFileSync(path);
    for (let at = octets.indexOf(mark.move); at >= 0; at = octets.indexOf(mark.move, at + 1)) octets[at] = 0;
    writeFileSync(path, octets);
    await afterwards(async ({ transfer }) => expect(await transfer.mark()).toEqual(mark));
    expect(checkLmdb(folder).problems.map(({ what }) => what)).toEqual(["a record of marks is damaged"]);
    await salvageLmdb({ folder, now: noon, log });
    await afterwards(async ({ transfer }) => {
      expect(await transfer.mark()).toEqual(mark);
      await transfer.setMark(undefined);
      expect(await transfer.mark()).toBeUndefined();
    });
    writeFileSync(join(folder, "moved.json"), "{");
    await afterwards(({ transfer }) => expect(transfer.mark()).rejects.toThrow(/moved\.json cannot be read/));
  });

  test("that was moved away stays so, if an older mark is all that the file has left", async () => {
    const arrived = { kind: "ArrivedFrom", move: "the first", place: "redis", at: noon } as const;
    await afterwards(({ transfer }) => transfer.setMark(arrived));
    const before = readFileSync(join(folder, "data.mdb"));
    const moved = { kind: "MovedTo", move: "the second", place: "redis", at: noon } as const;
    await afterwards(({ transfer }) => transfer.setMark(moved));
    writeFileSync(join(folder, "data.mdb"), before);
    await afterwards(async ({ transfer }) => expect(await transfer.mark()).toEqual(moved));
  });

  test.each([0, 1])("is read by its other beginning when the one on page %d is lost", async (page) => {
    const spent: unknown[] = [];
    await afterwards(async ({ spool, ledger }) => {
      await spool.accept(draft("last", { content: Buffer.alloc(9000, "x") }));
      spent.push(await ledger.usage("team-shop/shop"));
    });
    const path = join(folder, "data.mdb");
    const octets = readFileSync(path);
    octets.fill(0, page * 4096, (page + 1) * 4096);
    writeFileSync(path, octets);
    expect(checkLmdb(folder).problems[0]).toMatchObject({
      kind: "Damaged",
      what: `page ${page}: one of the two beginnings of the file is damaged`,
    });
    const salvaged = await salvageLmdb({ folder, now: noon, log });
    expect(salvaged.missing).toEqual([]);
    expect(checkLmdb(folder).problems).toEqual([]);
    await afterwards(async ({ queue, spool, ledger }) => {
      const ids = new Set((await queue.list(999)).map(({ envelope }) => envelope.id));
      expect(ids).toEqual(new Set([...contents.keys(), "last"]));
      expect(await spool.content("last")).toHaveLength(9000);
      expect(await ledger.usage("team-shop/shop")).toEqual(spent[0]);
    });
  });

  test("of which both beginnings are lost is refused", async () => {
    const path = join(folder, "data.mdb");
    const octets = readFileSync(path);
    octets.fill(0, 0, 2 * 4096);
    writeFileSync(path, octets);
    await expect(salvageLmdb({ folder, now: noon, log })).rejects.toThrow(/its beginning is damaged: restore it/);
  });

  test("is not locked by those who still look into the old file", async () => {
    await afterwards(() => Promise.resolve());
    const before = statSync(join(folder, "lock.mdb")).ino;
    const reader = openSync(join(folder, "lock.mdb"), "r");
    await salvageLmdb({ folder, now: noon, log });
    await afterwards(() => Promise.resolve());
    expect(statSync(join(folder, "lock.mdb")).ino).not.toBe(before);
    closeSync(reader);
  });

  test("on a disk without room is left as it was", async (context) => {
    const small = mkdtempSync(join(tmpdir(), "posthouse-small-"));
    const size = `${Math.ceil(statSync(join(folder, "data.mdb")).size * 1.4)}`;
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "posthouse-test", small], { stdio: "pipe" });
    } catch (error) {
      rmSync(small, { recursive: true });
      context.skip(`needs root, to mount a small file system: ${String(error)}`);
    }
    try {
      cpSync(join(folder, "data.mdb"), join(small, "data.mdb"));
      await expect(salvageLmdb({ folder: small, now: noon, log })).rejects.toThrow(/^no room in .*nearly full/);
      expect(readdirSync(small)).toEqual(["data.mdb", "lock.mdb"]);
      expect(readFileSync(join(small, "data.mdb"))).toEqual(readFileSync(join(folder, "data.mdb")));
      const store = await openStore({ path: small, clock, log });
      const records = store.transfer.export(noon);
      const full = join(small, "target");
      const target = await openStore({ path: full, clock, log });
      await expect(target.transfer.import(records, noon)).rejects.toThrow(/^no room in .*nearly full/);
      await target.close();
      await store.close();
    } finally {
      execFileSync("umount", [small]);
      rmSync(small, { recursive: true });
    }
  });
});
