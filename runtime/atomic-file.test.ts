import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createFile, makeFolder, removeFile, replaceFile } from "./atomic-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "atomic-file-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("replaceFile", () => {
  test("writes 0600 in folders of 0700 that it makes, and leaves nothing else", async () => {
    const path = join(folder, "a/b/c.yaml");
    await replaceFile(path, "one");
    await replaceFile(path, "two", { durable: false });
    expect(readFileSync(path, "utf8")).toBe("two");
    expect([modeOf(path), modeOf(join(folder, "a")), modeOf(join(folder, "a/b"))]).toEqual([0o600, 0o700, 0o700]);
    expect(readdirSync(join(folder, "a/b"))).toEqual(["c.yaml"]);
  });

  test("never touches the old file: who reads it goes on reading the old content whole", async () => {
    const path = join(folder, "a");
    await replaceFile(path, "old");
    const reader = openSync(path, "r");
    try {
      await replaceFile(path, "new and longer");
      expect(readFileSync(reader, "utf8")).toBe("old");
      expect(readFileSync(path, "utf8")).toBe("new and longer");
    } finally {
      closeSync(reader);
    }
  });

  test("fails with the system's error where it cannot write, and leaves nothing behind", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(replaceFile(join(folder, "file/inside"), "x")).rejects.toMatchObject({ code: "ENOTDIR" });
    await makeFolder(join(folder, "taken"));
    await expect(replaceFile(join(folder, "taken"), "x")).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(readdirSync(folder).toSorted()).toEqual(["file", "taken"]);
  });
});

describe("createFile", () => {
  test("of many at once one wins, and its content stands", async () => {
    const path = join(folder, "one");
    const wins = await Promise.all(Array.from({ length: 20 }, (_, i) => createFile(path, `${i}`)));
    expect(wins.filter(Boolean)).toHaveLength(1);
    expect(readFileSync(path, "utf8")).toBe(`${wins.indexOf(true)}`);
    expect(readdirSync(folder)).toEqual(["one"]);
  });
});

test("removeFile does not mind that the file is gone", async () => {
  const path = join(folder, "a");
  await replaceFile(path, "");
  await removeFile(path);
  await removeFile(path);
  expect(readdirSync(folder)).toEqual([]);
});
