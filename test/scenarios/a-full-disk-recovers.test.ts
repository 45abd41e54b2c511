import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startLineProcess } from "../harness/line-process.ts";
import { expectSpooled } from "../harness/spooled.ts";

const child = new URL("../harness/store-child.ts", import.meta.url).pathname;
const size = 50_000;

/** Mounts a file system of 4 MiB, or says why it cannot. */
function mountSmall(folder: string): string | undefined {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "posthouse-test", folder], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return `needs root, to mount a small file system: ${String(error)}`;
  }
}

test("a message for which there is no room is refused, and accepted when there is room again", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "posthouse-full-"));
  const missing = mountSmall(folder);
  if (missing !== undefined) {
    rmSync(folder, { recursive: true });
    context.skip(missing);
  }
  const path = join(folder, "store");
  const store = startLineProcess([process.execPath, child, path]);
  try {
    await store.saw(/^open$/);
    writeFileSync(join(folder, "ballast"), Buffer.alloc(2 ** 20));
    const first = await fill(store, "a");
    rmSync(join(folder, "ballast"));
    const second = await fill(store, "b");
    expect(Math.min(first.length, second.length)).toBeGreaterThan(5);

    store.send("deliver");
    expect(await store.saw(/^delivered/)).toBe(`delivered ${first.length + second.length}`);
    const third = await fill(store, "c");
    expect(third.length).toBeGreaterThan(first.length);
    await store.kill();
    await expectSpooled(path, third, { size, used: first.length + second.length + third.length });
  } finally {
    await store.kill();
    execFileSync("umount", [folder]);
    rmSync(folder, { recursive: true });
  }
});

/** Sends messages until three in a row find no room. Returns the ids of those that were accepted. */
async function fill(store: ReturnType<typeof startLineProcess>, prefix: string): Promise<readonly string[]> {
  const accepted: string[] = [];
  let refused = 0;
  for (let number = 1000; refused < 3; number += 1) {
    const id = `${prefix}${number}`;
    store.send(`accept ${id} ${size}`);
    const answer = await store.saw(new RegExp(` ${id}$`));
    expect(["accepted", "full"]).toContain(answer.split(" ")[0]);
    if (answer.startsWith("full")) refused += 1;
    else accepted.push(id);
  }
  return accepted;
}
