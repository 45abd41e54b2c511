import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { startLineProcess } from "../harness/line-process.ts";

const folder = mkdtempSync(join(tmpdir(), "posthouse-trace-"));
const child = new URL("../harness/store-child.ts", import.meta.url).pathname;
const calls = "trace=openat,pwrite64,pwritev,writev,fdatasync,write";

afterAll(() => rmSync(folder, { recursive: true }));

/** Why system calls cannot be watched here, or undefined. */
function whyNoStrace(): string | undefined {
  try {
    execFileSync("strace", ["-f", "-o", join(folder, "probe"), "true"], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return `needs strace, and to be allowed to trace processes: ${String(error)}`;
  }
}

test("the pages of a message, a flush, the page that makes them count, and only then the answer", async (context) => {
  const missing = whyNoStrace();
  context.skip(missing !== undefined, missing);
  const trace = join(folder, "trace");
  const strace = ["strace", "-f", "-y", "-s", "64", "-e", calls, "-e", "signal=none", "-o", trace] as const;
  const store = startLineProcess([...strace, process.execPath, child, join(folder, "store")]);
  await store.saw(/^open$/);
  const ids = Array.from({ length: 10 }, (_, index) => `m${index}`);
  for (const id of ids) {
    store.send(`accept ${id} 9000`);
    await store.saw(new RegExp(`^accepted ${id}$`));
  }
  store.child.stdin?.end();
  await store.over();

  const steps = stepsOf(readFileSync(trace, "utf8").split("\n"));
  for (const id of ids) {
    const answer = steps.indexOf(`answer accepted ${id}`);
    const before = steps.slice(0, answer);
    const since = before.slice(before.findLastIndex((step) => step.startsWith("answer")) + 1);
    expect(since.join(" ")).toMatch(/^(pages )+flush count$/);
  }
});

/** The calls that matter, in the order in which they ended; a write that is answered for must have begun after them. */
function stepsOf(lines: readonly string[]): readonly string[] {
  const flushing = new Set<string>();
  const begun = new Map<string, string>();
  return lines.flatMap((line) => {
    const thread = line.slice(0, line.indexOf(" "));
    const answer = /write\(1<[^>]*>, "([^"]*)\\n"/.exec(line)?.[1];
    if (answer !== undefined) return [`answer ${answer}`];
    if (line.includes("<unfinished ...>")) begun.set(thread, line);
    const whole = line.includes(" resumed>") ? (begun.get(thread) ?? "") + line : line;
    if (line.includes("<unfinished ...>") || !whole.includes("data.mdb") || / = -1 /.test(line)) return [];
    if (/O_DSYNC/.test(whole)) flushing.add(/ = ([0-9]+)</.exec(line)?.[1] ?? "");
    return stepOf(whole, flushing);
  });
}

function stepOf(call: string, flushing: ReadonlySet<string>): readonly string[] {
  const [, name, descriptor] = /(fdatasync|pwrite64|pwritev|writev)\(([0-9]+)</.exec(call) ?? [];
  if (name === undefined || descriptor === undefined) return [];
  if (name === "fdatasync") return ["flush"];
  return [flushing.has(descriptor) ? "count" : "pages"];
}
