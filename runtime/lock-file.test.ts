import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, expect, test } from "vitest";
import { takeLock } from "./lock-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lock-file-"));
  path = join(folder, "lock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("one holds it at a time, of many that ask at once", async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => takeLock(path)));
  const locks = answers.filter((answer) => "release" in answer);
  expect(locks).toHaveLength(1);
  expect(answers.find((answer) => "pid" in answer)).toMatchObject({ pid: process.pid, host: hostname() });
  await locks[0]!.release();
  expect(readdirSync(folder)).toEqual([]);
  expect(await takeLock(path)).toHaveProperty("release");
});

/** The pid of a process that is no more. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return child.pid ?? 0;
}

test("a lock of a process that died is taken over by one, of many that ask at once, every time", async () => {
  const stale = JSON.stringify({ pid: await deadPid(), host: hostname(), started: "" });
  for (let round = 0; round < 40; round += 1) {
    writeFileSync(path, stale);
    const answers = await Promise.all(Array.from({ length: 10 }, () => takeLock(path)));
    const locks = answers.filter((answer) => "release" in answer);
    expect(locks).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(["lock"]);
    await locks[0]!.release();
    expect(readdirSync(folder)).toEqual([]);
  }
});

test("a lock of a process that died is taken over by one of several processes", async () => {
  writeFileSync(path, JSON.stringify({ pid: await deadPid(), host: hostname(), started: "" }));
  const lockModule = new URL("./lock-file.ts", import.meta.url).href;
  // Each says what it got and stays, so that no winner is dead when the next one asks.
  const script = `const { takeLock } = await import(${JSON.stringify(lockModule)}); process.stdin.once("data", async () => console.log("release" in (await takeLock(${JSON.stringify(path)})) ? "won" : "lost")); console.log("ready");`;
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  const next = async (child: (typeof children)[number]): Promise<string> =>
    String((await once(child.stdout, "data"))[0]).trim();
  try {
    expect(await Promise.all(children.map(next))).toEqual(["ready", "ready", "ready", "ready"]);
    const answers = Promise.all(children.map(next));
    for (const child of children) child.stdin.write("go\n");
    expect((await answers).toSorted()).toEqual(["lost", "lost", "lost", "won"]);
  } finally {
    await Promise.all(children.map((child) => (child.kill("SIGKILL"), once(child, "exit"))));
  }
});

test("a take-over that died half-way is taken over too", async () => {
  const stale = JSON.stringify({ pid: await deadPid(), host: hostname(), started: "" });
  writeFileSync(path, stale);
  writeFileSync(`${path}.takeover`, stale);
  expect(await takeLock(path)).toHaveProperty("release");
  expect(readdirSync(folder)).toEqual(["lock"]);
});

test("a lock that was released already does not release its successor's", async () => {
  const first = await takeLock(path);
  if ("release" in first) await first.release();
  const second = await takeLock(path);
  if ("release" in first) await first.release();
  expect(second).toHaveProperty("release");
  expect(await takeLock(path)).toHaveProperty("pid");
});

test.each([
  ["another process with the same pid", { pid: process.pid, host: hostname(), started: "an earlier boot/1" }],
  ["nonsense", "half a li"],
])("a lock of %s is stale", async (_, content) => {
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  expect(await takeLock(path)).toHaveProperty("release");
});

test("a lock of another host counts as held", async () => {
  writeFileSync(path, JSON.stringify({ pid: 1, host: "elsewhere.example", started: "" }));
  expect(await takeLock(path)).toEqual({ pid: 1, host: "elsewhere.example", started: "" });
});

test("release leaves the lock of another alone", async () => {
  const lock = await takeLock(path);
  writeFileSync(path, "another's");
  if ("release" in lock) await lock.release();
  expect(readFileSync(path, "utf8")).toBe("another's");
});
