import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { testFolders } from "../../test/harness/folder.ts";
import type { TestFolders } from "../../test/harness/folder.ts";
import type { ConfigMapObject, SecretObject } from "../object.ts";
import { readFolderState } from "./read-state.ts";
import { objectFile } from "./state-layout.ts";

let folders: TestFolders;
beforeEach(() => {
  folders = testFolders();
});
afterEach(() => folders.close());

const secret: SecretObject = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "shop-web", namespace: "team-shop", labels: { a: "b" }, annotations: { c: "true" } },
  type: "servicebinding.io/smtp",
  immutable: true,
  data: { password: "ph_x: #'\"\n", empty: "", pem: "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n" },
};
const secretKey = { kind: "Secret", namespace: "team-shop", name: "shop-web" } as const;
const tenant = `apiVersion: posthouse.dev/v1alpha1
kind: RelayTenant
metadata: {name: shop, namespace: team-shop}
spec:
  allowance: {plan: Pro, credits: {type: Unlimited}}
`;
const tenantKey = { kind: "RelayTenant", namespace: "team-shop", name: "shop" } as const;

/** An object with a name of 253 characters. */
const long = (end: string): ConfigMapObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "n".repeat(252) + end, namespace: "a" },
  data: { end },
});

/** Opens the folders, or gives the error with its name. */
const opening = (): Promise<string> =>
  folders.open().then(
    () => "opened",
    (error: unknown) =>
      error instanceof Error ? `${error.name}: ${error.message.replaceAll(folders.state, "STATE")}` : "",
  );

const nobody = 65_534;

/** A program that gives up root, to whom nothing is forbidden, and says why it cannot hold a state folder. */
function holdAsNobody(path: string): string {
  return `
    const { holdStateFolder } = await import(${JSON.stringify(new URL("state-folder.ts", import.meta.url).href)});
    if (process.getuid() === 0) process.setuid(${nobody});
    await holdStateFolder(${JSON.stringify(path)}).catch((error) => console.log(error.name, error.message));`;
}

describe("a state folder", () => {
  test("keeps objects and status over a restart, byte for byte", async () => {
    writeFileSync(join(folders.manifests, "a.yaml"), tenant);
    const first = await folders.open();
    await first.create(secret);
    await first.applyStatus({ ...first.get(tenantKey)!, status: { observedGeneration: 1 } });
    const before = [first.get(secretKey), first.get(tenantKey)];
    await first.close();
    const second = await folders.open();
    expect([second.get(secretKey), second.get(tenantKey)]).toEqual(before);
    expect(second.get(secretKey)).toMatchObject(secret);
    await second.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "new", namespace: "a" }, data: {} });
    const versions = [...second.list("ConfigMap"), ...second.list("Secret"), ...second.list("RelayTenant")];
    expect(new Set(versions.map(({ metadata }) => metadata.resourceVersion)).size).toBe(3);
  });

  test("with an object that came unheard leaves it as it is when another of its name is applied", async () => {
    const cluster = await folders.open();
    const path = objectFile(folders.state, secretKey);
    await cluster.create(secret);
    const text = readFileSync(path, "utf8");
    await cluster.delete(secretKey, cluster.get(secretKey)!.metadata.uid!);
    writeFileSync(path, text, { mode: 0o600 });
    expect(cluster.get(secretKey)).toBeUndefined();
    expect(await cluster.apply({ ...secret, metadata: { ...secret.metadata, labels: {} } })).toBe("Conflict");
    expect(cluster.get(secretKey)).toMatchObject(secret);
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("can be looked into by its owner alone, and has nothing left over", async () => {
    writeFileSync(join(folders.manifests, "a.yaml"), tenant);
    const cluster = await folders.open();
    await cluster.create(secret);
    await cluster.applyStatus({ ...cluster.get(tenantKey)!, status: { observedGeneration: 1 } });
    const paths = readdirSync(folders.state, { recursive: true, encoding: "utf8" }).toSorted();
    expect(paths.filter((path) => !path.startsWith("last-good/"))).toEqual([
      "last-good",
      "lock",
      "objects",
      "objects/team-shop",
      "objects/team-shop/Secret",
      "objects/team-shop/Secret/shop-web.yaml",
      "status",
      "status/team-shop",
      "status/team-shop/RelayTenant",
      "status/team-shop/RelayTenant/shop.yaml",
    ]);
    for (const path of ["", ...paths]) {
      const found = statSync(join(folders.state, path));
      expect(`${path} ${(found.mode & 0o777).toString(8)}`).toBe(`${path} ${found.isDirectory() ? "700" : "600"}`);
    }
  });

  test("holds Secrets that a person can read", async () => {
    const cluster = await folders.open();
    await cluster.create(secret);
    const text = readFileSync(join(folders.state, "objects/team-shop/Secret/shop-web.yaml"), "utf8");
    expect(text).toContain("stringData:\n");
    expect(text).toContain("    -----BEGIN PRIVATE KEY-----\n");
  });

  test("takes names as long as Kubernetes has them", async () => {
    const cluster = await folders.open();
    await cluster.create(long("x"));
    await cluster.create(long("y"));
    await cluster.close();
    const again = await folders.open();
    expect(again.list("ConfigMap").map(({ data }) => data["end"])).toEqual(["x", "y"]);
  });

  test("loses nothing when another process created the object first", async () => {
    const cluster = await folders.open();
    await cluster.create(secret);
    const path = join(folders.state, "objects/team-shop/Secret/shop-web.yaml");
    const text = readFileSync(path, "utf8");
    await cluster.delete(secretKey, cluster.get(secretKey)!.metadata.uid!);
    writeFileSync(path, text.replace("ph_x", "ph_theirs"));
    expect(await cluster.create(secret)).toBe("AlreadyExists");
    expect(cluster.get(secretKey)).toMatchObject({
      data: { password: secret.data["password"]!.replace("ph_x", "ph_theirs") },
    });
  });

  test("that a crash left in the middle of a write is whole", async () => {
    const first = await folders.open();
    await first.create(secret);
    await first.close();
    const folder = join(folders.state, "objects/team-shop/Secret");
    writeFileSync(join(folder, ".0123456789abcdef.unfinished"), "apiVersion: v1\nki");
    const second = await folders.open();
    expect(second.get(secretKey)).toMatchObject(secret);
    expect(readdirSync(folder)).toEqual(["shop-web.yaml"]);
  });

  test("has no status for an object of an earlier object of that name", async () => {
    writeFileSync(join(folders.manifests, "a.yaml"), tenant);
    const first = await folders.open();
    const { uid = "" } = first.get(tenantKey)!.metadata;
    await first.applyStatus({ ...first.get(tenantKey)!, status: { observedGeneration: 1 } });
    await first.close();
    const [record = ""] = readdirSync(join(folders.state, "last-good"));
    const path = join(folders.state, "last-good", record);
    writeFileSync(path, readFileSync(path, "utf8").replace(uid, "later"));
    const second = await folders.open();
    expect(second.get(tenantKey)).toMatchObject({ metadata: { uid: "later" }, status: { observedGeneration: -1 } });
  });

  test("can be read while it is held", async () => {
    writeFileSync(join(folders.manifests, "a.yaml"), tenant);
    const cluster = await folders.open();
    await cluster.create(secret);
    await cluster.applyStatus({ ...cluster.get(tenantKey)!, status: { observedGeneration: 1 } });
    const state = await readFolderState(folders.state);
    expect(state.get(tenantKey)).toEqual(cluster.get(tenantKey));
    expect(state.list("Secret")).toEqual(cluster.list("Secret"));
    expect(state.list("SendingDomain")).toEqual([]);
  });
});

describe("a state folder is refused, and the error says what to do", () => {
  test("when a file stands there", async () => {
    writeFileSync(folders.state, "");
    expect(await opening()).toMatch(/^StateFolderError: the state folder STATE is not a folder: .*name another folder/);
  });

  test("when a file stands above it", async () => {
    rmSync(folders.manifests, { recursive: true });
    await folders.close();
    folders = testFolders({ state: "manifests/a.yaml/state" });
    writeFileSync(join(folders.manifests, "a.yaml"), "");
    expect(await opening()).toMatch(
      /^StateFolderError: the state folder STATE cannot be used \(ENOTDIR\): .*name another folder/,
    );
  });

  test("when others can look into it", async () => {
    mkdirSync(folders.state, { mode: 0o755 });
    chmodSync(folders.state, 0o755);
    expect(await opening()).toMatch(/open to others \(mode 0755\); run chmod 700 STATE$/);
    await expect(readFolderState(folders.state)).rejects.toThrow("run chmod 700");
  });

  test("when it cannot be written", () => {
    mkdirSync(folders.state);
    if (process.getuid?.() === 0) chownSync(folders.state, nobody, nobody);
    chmodSync(folders.state, 0o500);
    chmodSync(dirname(folders.state), 0o755);
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", holdAsNobody(folders.state)], {
      encoding: "utf8",
    });
    expect(stdout).toMatch(/cannot be used \(EACCES\): give the user that runs posthouse read and write access/);
  });

  test("when another process runs on it, until that ends, however it ends", async () => {
    const lockModule = new URL("../../runtime/lock-file.ts", import.meta.url).pathname;
    mkdirSync(folders.state, { mode: 0o700 });
    const script = `const { takeLock } = await import(${JSON.stringify(lockModule)}); await takeLock(${JSON.stringify(join(folders.state, "lock"))}); console.log("held"); setInterval(() => {}, 1000)`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(child.stdout, "data");
      expect(await opening()).toMatch(new RegExp(`in use by process ${child.pid} on ${hostname()}; stop that first`));
      expect(await readFolderState(folders.state)).toBeDefined();
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    expect(await opening()).toBe("opened");
  });

  test("when this process has it open already; closing lets go", async () => {
    const cluster = await folders.open();
    expect(await opening()).toMatch(/in use by process/);
    await cluster.close();
    expect(await opening()).toBe("opened");
  });

  test("when a generated object is damaged: it might be a key", async () => {
    const cluster = await folders.open();
    await cluster.create(secret);
    await cluster.close();
    const path = join(folders.state, "objects/team-shop/Secret/shop-web.yaml");
    writeFileSync(path, readFileSync(path, "utf8").slice(0, 60));
    expect(await opening()).toMatch(/shop-web\.yaml is damaged \(.*\); restore it from a backup, or move it away/);
    rmSync(path);
    expect(await opening()).toBe("opened");
  });

  test("when it is read and is not there", async () => {
    await expect(readFolderState(folders.state)).rejects.toThrow(/ENOENT.*run posthouse up first/);
  });

  test("when there is no folder of manifests, and never was", async () => {
    rmSync(folders.manifests, { recursive: true });
    expect(await opening()).toMatch(
      /^StateFolderError: the manifests folder .* cannot be read \(ENOENT\); make it, or name another/,
    );
    writeFileSync(folders.manifests, tenant);
    expect(await opening()).toMatch(/is not a folder; make it, or name another/);
    expect(readdirSync(folders.state)).not.toContain("lock");
  });

  test("but a damaged status or memory of manifests is made again", async () => {
    writeFileSync(join(folders.manifests, "a.yaml"), tenant);
    const first = await folders.open();
    await first.applyStatus({ ...first.get(tenantKey)!, status: { observedGeneration: 1 } });
    await first.close();
    writeFileSync(join(folders.state, "status/team-shop/RelayTenant/shop.yaml"), "status: [");
    for (const name of readdirSync(join(folders.state, "last-good")))
      writeFileSync(join(folders.state, "last-good", name), '{"file"');
    const second = await folders.open();
    expect(second.get(tenantKey)).toMatchObject({ status: { observedGeneration: -1 } });
  });
});
