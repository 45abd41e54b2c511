import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { type LineProcess, startLineProcess } from "../harness/line-process.ts";
import { expectSpooled } from "../harness/spooled.ts";

const tools = mkdtempSync(join(tmpdir(), "posthouse-fault-"));
const shim = buildShim();
const child = new URL("../harness/store-child.ts", import.meta.url).pathname;
const size = 5000;

/** A library that makes the disk fail on demand, or why there is none. */
function buildShim(): { readonly library: string; readonly missing?: string } {
  const library = join(tools, "fault-disk.so");
  try {
    const source = new URL("../harness/fault-disk.c", import.meta.url).pathname;
    execFileSync("cc", ["-shared", "-fPIC", "-o", library, source, "-ldl"], { stdio: "pipe" });
    return { library };
  } catch (error) {
    return { library: "", missing: `needs a C compiler and a C library that can be preloaded: ${String(error)}` };
  }
}

afterAll(() => rmSync(tools, { recursive: true }));

describe("a write that fails", () => {
  let folder: string;
  let store: LineProcess;
  beforeEach(async (context) => {
    context.skip(shim.missing !== undefined, shim.missing);
    folder = mkdtempSync(join(tmpdir(), "posthouse-store-"));
    const env = { LD_PRELOAD: shim.library, FAULT_PATH: folder, FAULT_SWITCH: join(folder, "fault") };
    store = startLineProcess([process.execPath, child, folder], env);
    await store.saw(/^open$/);
    await accept("a1", "accepted");
  });
  afterEach(async () => {
    await store.kill();
    rmSync(folder, { recursive: true });
  });

  const fault = (kind: "sync" | "meta" | "full" | ""): void => writeFileSync(join(folder, "fault"), kind);
  const accept = async (id: string, outcome: string): Promise<void> => {
    const from = store.lines.length;
    store.send(`accept ${id} ${size}`);
    await store.saw(new RegExp(` ${id}$`));
    expect(store.lines.slice(from)).toEqual([`${outcome} ${id}`]);
  };

  test.each([
    { name: "a flush that fails", kind: "sync", outcome: "failed" },
    { name: "a meta page that cannot be written", kind: "meta", outcome: "failed" },
    { name: "a full disk", kind: "full", outcome: "full" },
  ] as const)("$name: refused, nothing spooled, nothing billed, and it works again afterwards", async (fails) => {
    fault(fails.kind);
    await accept("b1", fails.outcome);
    await accept("b2", fails.outcome);
    store.send("ready");
    await store.saw(/^ready false$/);
    const many = Array.from({ length: 30 }, (_, index) => `c${index}`);
    for (const id of many) store.send(`accept ${id} ${size}`);
    for (const id of many) expect(await store.saw(new RegExp(` ${id}$`))).toBe(`${fails.outcome} ${id}`);
    fault("");
    await accept("d1", "accepted");
    store.send("ready");
    await store.saw(/^ready true$/);
    await store.kill();
    await expectSpooled(folder, ["a1", "d1"], { size, used: 2 });
  });

  test("a message that was refused is accepted, and billed once, when it comes again", async () => {
    fault("sync");
    await accept("b1", "failed");
    fault("");
    store.send(`accept b1 ${size}`);
    expect(await store.saw(/^accepted b1$/)).toBeDefined();
    await store.kill();
    await expectSpooled(folder, ["a1", "b1"], { size, used: 2 });
  });
});
