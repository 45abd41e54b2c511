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

test("a lock of a process that died is taken over by one, of many that ask at once", async () => {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  writeFileSync(path, JSON.stringify({ pid: child.pid, host: hostname(), started: "" }));
  const answers = await Promise.all(Array.from({ length: 10 }, () => takeLock(path)));
  expect(answers.filter((answer) => "release" in answer)).toHaveLength(1);
  expect(readdirSync(folder)).toEqual(["lock"]);
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
