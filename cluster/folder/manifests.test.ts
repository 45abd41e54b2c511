import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { testFolders } from "../../test/harness/folder.ts";
import type { TestFolders } from "../../test/harness/folder.ts";
import type { CustomObject } from "../object.ts";
import type { FolderCluster } from "./folder.ts";
import { problemText } from "./problem.ts";

let folders: TestFolders;
let cluster: FolderCluster;
beforeEach(() => {
  folders = testFolders();
});
afterEach(() => folders.close());

const domain = (name: string, of: string = `${name}.example`): string => `apiVersion: posthouse.dev/v1alpha1
kind: SendingDomain
metadata: {name: ${name}, namespace: team}
spec:
  domain: ${of}
  tenantRef: {name: shop}
`;
const broken = "a: [1\n";
const write = (file: string, text: string): void => {
  mkdirSync(join(folders.manifests, file, ".."), { recursive: true });
  writeFileSync(join(folders.manifests, file), text);
};
/** The names of all domains, and the problems. */
const view = (): { names: string[]; problems: string[] } => ({
  names: cluster.list("SendingDomain").map(({ metadata }) => metadata.name),
  problems: cluster.problems().map(problemText),
});
const names = (): string[] => view().names;
/** The files that are remembered in the state folder. */
const remembered = (): string[] => {
  const folder = join(folders.state, "last-good");
  const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  return texts.map((text) => /"file":"([^"]*)"/.exec(text)?.[1] ?? "");
};
const get = (name: string): CustomObject | undefined => cluster.get({ kind: "SendingDomain", namespace: "team", name });
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5000, interval: 5 });
const reopen = async (): Promise<void> => {
  await cluster.close();
  cluster = await folders.open();
};

describe("a folder of manifests", () => {
  test("is read before it is open, several objects a file, folders within folders", async () => {
    write("b.yaml", `${domain("b1")}---\n${domain("b2")}`);
    write("deep/er/a.yml", domain("a"));
    write("c.json", JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" } }));
    write(".hidden.yaml", broken);
    write(".git/x.yaml", broken);
    write("notes.txt", broken);
    cluster = await folders.open();
    expect(view()).toEqual({ names: ["a", "b1", "b2"], problems: [] });
    expect(cluster.list("ConfigMap")).toHaveLength(1);
  });

  test("is followed: new, changed, moved and deleted files", async () => {
    cluster = await folders.open();
    write("new/a.yaml", domain("a"));
    await until(() => expect(names()).toEqual(["a"]));
    const { uid } = get("a")!.metadata;
    write("new/a.yaml", `${domain("a")}---\n${domain("b")}`);
    await until(() => expect(names()).toEqual(["a", "b"]));
    renameSync(join(folders.manifests, "new"), join(folders.manifests, "old"));
    await until(() => expect(remembered()).toEqual(["old/a.yaml"]));
    expect(names()).toEqual(["a", "b"]);
    expect(get("a")!.metadata.uid).toBe(uid);
    rmSync(join(folders.manifests, "old"), { recursive: true });
    await until(() => expect(names()).toEqual([]));
  });

  test("follows editors that write beside and rename over, and those that empty the file first", async () => {
    write("a.yaml", domain("a"));
    cluster = await folders.open();
    const { uid } = get("a")!.metadata;
    const changes: string[] = [];
    const stop = cluster.watch(["SendingDomain"], () => changes.push(names().join()));
    for (const labels of ["{n: '1'}", "{n: '2'}"]) {
      const text = domain("a").replace("namespace: team", `namespace: team, labels: ${labels}`);
      write(".a.yaml.swp", text);
      renameSync(join(folders.manifests, ".a.yaml.swp"), join(folders.manifests, "a.yaml"));
      await until(() => expect(get("a")!.metadata.labels).toEqual({ n: labels.slice(5, 6) }));
    }
    truncateSync(join(folders.manifests, "a.yaml"));
    write("a.yaml", domain("a").replace("namespace: team", "namespace: team, labels: {n: '3'}"));
    await until(() => expect(get("a")!.metadata.labels).toEqual({ n: "3" }));
    stop();
    expect(changes).not.toContain("");
    expect(get("a")!.metadata.uid).toBe(uid);
  });
});

test("a state folder inside the manifests is not read as manifests", async () => {
  await folders.close();
  folders = testFolders({ state: "manifests/state" });
  cluster = await folders.open();
  const metadata = { name: "key", namespace: "team" };
  await cluster.create({ apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data: {} });
  write("a.yaml", domain("a"));
  await until(() => expect(names()).toEqual(["a"]));
  expect(view().problems).toEqual([]);
});

describe("a bad file", () => {
  test("keeps its last good objects, is reported with its line, and stops nobody", async () => {
    write("a.yaml", domain("a"));
    write("b.yaml", domain("b"));
    cluster = await folders.open();
    write("a.yaml", broken);
    write("c.yaml", domain("c"));
    await until(() => expect(names()).toEqual(["a", "b", "c"]));
    await until(() => expect(view().problems).toEqual([expect.stringMatching(/^a\.yaml:2:1: not YAML: /)]));
    write("a.yaml", domain("a", "other.example").replace("name: a,", "name: a2,"));
    await until(() => expect(view()).toEqual({ names: ["a2", "b", "c"], problems: [] }));
  });

  test("keeps them over a restart too, with uid and generation", async () => {
    write("a.yaml", `${domain("a")}---\n${domain("a2")}`);
    cluster = await folders.open();
    const before = get("a")!.metadata;
    await cluster.close();
    write("a.yaml", broken);
    cluster = await folders.open();
    expect(view()).toEqual({ names: ["a", "a2"], problems: [expect.stringContaining("a.yaml:2:1")] });
    expect(get("a")!.metadata).toEqual(before);
    await reopen();
    expect(names()).toEqual(["a", "a2"]);
  });

  test("is bad in one document only: the good ones count, and what was taken out goes", async () => {
    write("a.yaml", [domain("a"), domain("b"), domain("c")].join("---\n"));
    cluster = await folders.open();
    write("a.yaml", [domain("a", "b c"), domain("d")].join("---\n"));
    const problems = [expect.stringMatching(/^a\.yaml:5:3: SendingDomain team\/a: spec\.domain: /)];
    await until(() => expect(view()).toEqual({ names: ["a", "d"], problems }));
    expect(get("a")!.spec).toMatchObject({ domain: "a.example" });
  });

  test("that changes what is immutable keeps what was, also when it moves", async () => {
    write("a.yaml", domain("a"));
    cluster = await folders.open();
    write("b.yaml", domain("a", "other.example"));
    rmSync(join(folders.manifests, "a.yaml"));
    await until(() =>
      expect(view().problems).toEqual([
        "b.yaml:5:3: SendingDomain team/a: spec.domain: domain is immutable; give another domain a SendingDomain of its own",
      ]),
    );
    expect(get("a")!.spec).toMatchObject({ domain: "a.example" });
    await reopen();
    expect(get("a")!.spec).toMatchObject({ domain: "a.example" });
    expect(get("a")!.metadata.generation).toBe(1);
  });

  test("with an object of another: the first file counts, and the second when the first is gone", async () => {
    write("a.yaml", domain("x"));
    write(
      "b.yaml",
      `${domain("x").replace("tenantRef: {name: shop}", "tenantRef: {name: shop}\n  spf: {qualifier: Fail}")}---\n${domain("y")}`,
    );
    cluster = await folders.open();
    expect(view()).toEqual({
      names: ["x", "y"],
      problems: [
        "b.yaml:1:1: SendingDomain team/x: metadata.name: stands already in a.yaml, line 1, which counts; remove one",
      ],
    });
    expect(get("x")!.spec).toMatchObject({ spf: { qualifier: "SoftFail" } });
    rmSync(join(folders.manifests, "a.yaml"));
    await until(() => expect(view()).toEqual({ names: ["x", "y"], problems: [] }));
    expect(get("x")!.spec).toMatchObject({ spf: { qualifier: "Fail" } });
    expect(get("x")!.metadata.generation).toBe(2);
  });

  test("that cannot be read keeps its objects, until it is gone", async () => {
    write("a.yaml", domain("a"));
    write("d/b.yaml", domain("b"));
    cluster = await folders.open();
    rmSync(join(folders.manifests, "a.yaml"));
    symlinkSync("a.yaml", join(folders.manifests, "a.yaml"));
    await until(() =>
      expect(view().problems).toEqual([
        "a.yaml:1:1: cannot be read: ELOOP, links lead in a circle: mend or remove them",
      ]),
    );
    expect(names()).toEqual(["a", "b"]);
    await reopen();
    expect(names()).toEqual(["a", "b"]);
    rmSync(join(folders.manifests, "a.yaml"));
    await until(() => expect(view()).toEqual({ names: ["b"], problems: [] }));
  });

  test("when the whole folder is gone, nothing goes", async () => {
    write("a.yaml", domain("a"));
    cluster = await folders.open();
    renameSync(folders.manifests, `${folders.manifests}.away`);
    await until(() =>
      expect(view().problems).toEqual([expect.stringMatching(/cannot be read: ENOENT, nothing is there: put it back/)]),
    );
    expect(names()).toEqual(["a"]);
    await reopen();
    expect(names()).toEqual(["a"]);
    renameSync(`${folders.manifests}.away`, folders.manifests);
    await until(() => expect(view()).toEqual({ names: ["a"], problems: [] }));
  });

  test.each([
    ["bytes that are not UTF-8", Buffer.from([0x61, 0x3a, 0xff]), /a\.yaml:1:1: is not UTF-8/],
    ["more than any manifest has", Buffer.alloc(1024 * 1024 + 1, "#"), /a\.yaml:1:1: is larger than .* split it/],
  ])("of %s is reported and keeps its objects", async (_, bytes, problem) => {
    write("a.yaml", domain("a"));
    cluster = await folders.open();
    writeFileSync(join(folders.manifests, "a.yaml"), bytes);
    await until(() => expect(view().problems).toEqual([expect.stringMatching(problem)]));
    expect(names()).toEqual(["a"]);
  });

  test("cannot take the name of an object that was made by Posthouse", async () => {
    cluster = await folders.open();
    const metadata = { name: "key", namespace: "team" };
    await cluster.create({ apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data: { a: "ours" } });
    write("a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: team}\nstringData: {a: theirs}\n");
    await until(() => expect(view().problems).toEqual([expect.stringContaining("was made by Posthouse")]));
    expect(cluster.get({ kind: "Secret", ...metadata })).toMatchObject({ data: { a: "ours" } });
  });
});

describe("what is of the manifests", () => {
  const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: up, namespace: team}\nstringData: {a: b}\n";

  test("is not written by Posthouse", async () => {
    write("a.yaml", secret);
    cluster = await folders.open();
    const object = cluster.get({ kind: "Secret", namespace: "team", name: "up" })!;
    await expect(cluster.apply(object)).rejects.toThrow("belongs to the manifest a.yaml");
    await expect(cluster.create(object)).rejects.toThrow("belongs to the manifest a.yaml");
    await expect(
      cluster.delete({ kind: "Secret", namespace: "team", name: "up" }, object.metadata.uid!),
    ).rejects.toThrow("belongs to");
  });

  test("is remembered where nobody else can read it", async () => {
    write("a.yaml", secret);
    chmodSync(join(folders.manifests, "a.yaml"), 0o644);
    cluster = await folders.open();
    const [record] = readdirSync(join(folders.state, "last-good"));
    const path = join(folders.state, "last-good", record!);
    expect(readFileSync(path, "utf8")).toContain('"a.yaml"');
  });

  test("starts anew, without its old status, when it comes back", async () => {
    write("a.yaml", domain("a"));
    cluster = await folders.open();
    const first = get("a")!;
    await cluster.applyStatus({ ...first, status: { observedGeneration: 1 } });
    rmSync(join(folders.manifests, "a.yaml"));
    await until(() => expect(names()).toEqual([]));
    write("a.yaml", domain("a", "other.example"));
    await until(() => expect(names()).toEqual(["a"]));
    expect(get("a")!.metadata.uid).not.toBe(first.metadata.uid);
    expect(get("a")!.status).toEqual({ observedGeneration: -1 });
  });
});
