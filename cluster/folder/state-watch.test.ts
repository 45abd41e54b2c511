import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { testFolders } from "../../test/harness/folder.ts";
import type { TestFolders } from "../../test/harness/folder.ts";
import { keyOf, keyText } from "../object.ts";
import type { SecretObject } from "../object.ts";
import type { FolderCluster } from "./folder.ts";

let folders: TestFolders;
let cluster: FolderCluster;
let heard: string[];
/** Lines of the log that tell of errors. */
let errors: string[];
beforeEach(async () => {
  folders = testFolders();
  errors = [];
  cluster = await folders.open((line) => errors.push(line));
  heard = [];
  cluster.watch(["Secret", "ConfigMap"], (key) => heard.push(keyText(key)));
});
afterEach(() => folders.close());

const secret = (name: string): SecretObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace: "team" },
  type: "Opaque",
  data: { password: "first" },
});
const stored = (name: string): SecretObject | undefined => cluster.get<"Secret">(keyOf(secret(name)) as never);
const file = (name: string): string => join(folders.state, "objects/team/Secret", `${name}.yaml`);
const edit = (name: string, from: string, to: string): void =>
  writeFileSync(file(name), readFileSync(file(name), "utf8").replace(from, to), { mode: 0o600 });
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5000, interval: 5 });
/** Resolves when a change that was made now has been noticed, and all before it. */
async function noticed(): Promise<void> {
  const name = `probe-${heard.length}`;
  await cluster.create(secret(name));
  rmSync(file(name));
  await until(() => expect(stored(name)).toBeUndefined());
}

test("a file that is deleted is an object that is gone", async () => {
  await cluster.create(secret("web"));
  heard.length = 0;
  rmSync(file("web"));
  await until(() => expect(stored("web")).toBeUndefined());
  expect(heard).toEqual(["Secret/team/web"]);
  expect(await cluster.create(secret("web"))).toBe("Created");
});

test("a file that is edited is the same object in another version", async () => {
  await cluster.create(secret("web"));
  const before = stored("web");
  heard.length = 0;
  edit("web", "first", "second");
  await until(() => expect(stored("web")?.data).toEqual({ password: "second" }));
  expect(stored("web")?.metadata.uid).toBe(before?.metadata.uid);
  expect(stored("web")?.metadata.resourceVersion).not.toBe(before?.metadata.resourceVersion);
  expect(heard).toEqual(["Secret/team/web"]);
  const { uid = "", resourceVersion } = before?.metadata ?? {};
  expect(await cluster.delete(keyOf(secret("web")), uid, resourceVersion)).toBe("Conflict");
});

test("a file that is put there is an object with an identity, which stays over a restart", async () => {
  await cluster.create(secret("other"));
  writeFileSync(file("web"), JSON.stringify({ ...secret("web"), data: undefined, stringData: { a: "b" } }));
  await until(() => expect(stored("web")?.metadata.uid).toBeDefined());
  const before = stored("web");
  expect(before?.data).toEqual({ a: "b" });
  await cluster.close();
  cluster = await folders.open();
  expect(stored("web")).toEqual(before);
});

test("what was edited before a start is found as it is then", async () => {
  await cluster.create(secret("web"));
  await cluster.close();
  edit("web", "first", "second");
  cluster = await folders.open();
  expect(stored("web")?.data).toEqual({ password: "second" });
});

test.each([
  ["is damaged", (name: string) => writeFileSync(file(name), "apiVersion: v1\nki")],
  ["is emptied", (name: string) => writeFileSync(file(name), "")],
  ["says that it is another object", (name: string) => edit(name, `name: ${name}`, "name: another")],
])("a file that %s changes nothing", async (_, spoil) => {
  await cluster.create(secret("web"));
  const before = stored("web");
  spoil("web");
  await noticed();
  expect(stored("web")).toBe(before);
});

test("a folder of objects that is gone takes its objects with it, and is watched when it is back", async () => {
  await cluster.create(secret("web"));
  rmSync(dirname(dirname(file("web"))), { recursive: true });
  await until(() => expect(stored("web")).toBeUndefined());
  await cluster.create(secret("web"));
  await noticed();
  edit("web", "first", "second");
  await until(() => expect(stored("web")?.data).toEqual({ password: "second" }));
});

test.each([
  ["gone", () => undefined],
  ["another one", (objects: string) => mkdirSync(join(objects, "team/Secret"), { recursive: true, mode: 0o700 })],
])("when the folder of all objects is %s, nothing in it is gone", async (_, replace) => {
  await cluster.create(secret("web"));
  await noticed();
  const objects = join(folders.state, "objects");
  renameSync(objects, `${objects}-away`);
  replace(objects);
  await until(() => expect(errors.length).toBeGreaterThan(0));
  expect(stored("web")).toBeDefined();
});

test("what Posthouse writes itself is told once", async () => {
  await cluster.create(secret("web"));
  await cluster.apply({ ...secret("web"), data: { password: "second" } });
  await noticed();
  expect(heard.filter((text) => text === "Secret/team/web")).toHaveLength(2);
});
