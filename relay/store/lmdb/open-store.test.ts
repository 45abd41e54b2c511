import { open } from "lmdb";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLogger } from "../../../runtime/log.ts";
import { startLineProcess } from "../../../test/harness/line-process.ts";
import { claimOne, draft, minute, noon, usedBy } from "../port-suite/fixture.ts";
import { type Store, StoreUnavailable } from "../store.ts";
import { openStore } from "./open-store.ts";

const log = createLogger({ level: "silent", destination: { write: () => undefined } });
const clock = { now: () => noon };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "posthouse-store-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const openIn = (path: string): Promise<Store> => openStore({ path, clock, log });

const nobody = 65_534;

/** A program that gives up root, to whom nothing is forbidden, and says why it cannot open the store. */
function openAsNobody(path: string): string {
  return `
    import { openStore } from ${JSON.stringify(new URL("open-store.ts", import.meta.url).href)};
    if (process.getuid() === 0) process.setuid(${nobody});
    const opened = openStore({ path: ${JSON.stringify(path)}, clock: { now: () => 1 }, log: console });
    await opened.catch((error) => console.log(error.name, error.message));`;
}

describe("opening the store", () => {
  test("makes the folder and its files for nobody else", async () => {
    const path = join(folder, "deep", "store.d");
    await (await openIn(path)).close();
    const modes = [path, join(path, "data.mdb"), join(path, "lock.mdb")].map((file) => statSync(file).mode & 0o777);
    expect(modes).toEqual([0o700, 0o600, 0o600]);
  });

  test("refuses a file in place of the folder", async () => {
    const path = join(folder, "file");
    writeFileSync(path, "");
    const refusal = openIn(path);
    await expect(refusal).rejects.toThrow(StoreUnavailable);
    await expect(refusal).rejects.toThrow(`the store folder ${path} cannot be used: EEXIST`);
  });

  test.each([
    ["a folder", ".", 0o500],
    ["a data file", "data.mdb", 0o400],
    ["a lock file", "lock.mdb", 0o400],
  ])("refuses %s that it may not write", async (_, name, mode) => {
    await (await openIn(folder)).close();
    if (process.getuid?.() === 0)
      for (const file of [".", "data.mdb", "lock.mdb"]) chownSync(join(folder, file), nobody, nobody);
    chmodSync(join(folder, name), mode);
    const { stdout } = spawnSync(process.execPath, ["--input-type=module-typescript", "-e", openAsNobody(folder)], {
      encoding: "utf8",
    });
    chmodSync(join(folder, name), 0o700);
    expect(stdout).toMatch(/^StoreUnavailable the store folder .* cannot be used: EACCES/);
  });

  test.each([
    ["text", "no store at all ".repeat(1000)],
    ["zeros", Buffer.alloc(20_000)],
    ["a few octets", "x"],
  ])("refuses %s in place of a store", async (_, content) => {
    writeFileSync(join(folder, "data.mdb"), content);
    await expect(openIn(folder)).rejects.toThrow(StoreUnavailable);
    await expect(openIn(folder)).rejects.toThrow("data.mdb is not a store");
  });

  test("takes a file without octets for one that was not begun", async () => {
    writeFileSync(join(folder, "data.mdb"), "");
    const store = await openIn(folder);
    expect(await store.spool.accept(draft("m1"))).toBe("Accepted");
    await store.close();
  });

  test("refuses a format of a later version, and leaves it as it is", async () => {
    await (await openIn(folder)).close();
    const root = open({ path: folder, noSubdir: false, overlappingSync: false, encoding: "json" });
    root.openDB<number, string>({ name: "meta", encoding: "json" }).putSync("format", 3);
    await root.close();
    for (const _ of [1, 2])
      await expect(openIn(folder)).rejects.toThrow(/has format 3, this version of Posthouse reads format 2/);
  });

  test("is ready while it works, and not after it was closed", async () => {
    const store = await openIn(folder);
    expect(await store.ready()).toBe(true);
    await store.close();
    expect(await store.ready()).toBe(false);
    await store.close();
  });
});

describe("two processes with one store", () => {
  const child = new URL("../../../test/harness/store-child.ts", import.meta.url).pathname;

  test("see each other's messages, and never bill or claim the same", async () => {
    const mine = await openIn(folder);
    const theirs = startLineProcess([process.execPath, child, folder]);
    try {
      await theirs.saw(/^open$/);
      const ids = Array.from({ length: 40 }, (_, index) => `m${index}`);
      for (const id of ids) theirs.send(`accept ${id} 3000`);
      await Promise.all(ids.map((id) => mine.spool.accept(draft(id.replace("m", "n"), { at: 1 }))));
      await Promise.all(ids.map((id) => theirs.saw(new RegExp(`^accepted ${id}$`))));
      expect(await mine.queue.list(100)).toHaveLength(80);
      expect(await usedBy(mine)).toBe(80);

      theirs.send("deliver");
      const claimed = await mine.spool.claim(Date.now(), 30, minute);
      const delivered = Number((await theirs.saw(/^delivered/)).split(" ")[1]);
      expect(await mine.queue.list(100)).toHaveLength(80 - delivered);
      for (const delivery of claimed) expect(await mine.spool.settle(delivery, { kind: "Done" })).toBe(true);
      expect(delivered + claimed.length).toBe(80);
    } finally {
      await theirs.kill();
      await mine.close();
    }
  });

  test("one that was killed while it held the lock does not stop the other", async () => {
    const theirs = startLineProcess([process.execPath, child, folder]);
    await theirs.saw(/^open$/);
    const mine = await openIn(folder);
    for (let index = 0; index < 200; index += 1) theirs.send(`accept x${index} 200000`);
    await theirs.saw(/^accepted/);
    await theirs.kill();
    expect(await mine.spool.accept(draft("y1", { at: 1 }))).toBe("Accepted");
    expect((await claimOne(mine.spool, 1)).envelope.id).toBe("y1");
    await mine.close();
  });
});
