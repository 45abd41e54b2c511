import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../harness/until.ts";

/** In ms: it starts some fifty small processes, on a loaded machine. */
const patience = 60_000;
const programs = ["etcd", "helm", "kube-apiserver", "kube-controller-manager", "kubectl"] as const;
const source = new URL("../", import.meta.url).pathname;

/**
 * Stands in for Go: says its version, lists the tools of a module, and builds by writing their names into files. It counts
 * its builds, and takes its time when it is told to, until the file `go-on` appears.
 */
const go = `#!/bin/bash
place=$(cd "$(dirname "$0")/.." && pwd)
module=$(basename "$PWD")
case $module in
  etcd) tools=go.etcd.io/etcd/server/v3 names=server ;;
  helm) tools=helm.sh/helm/v4/cmd/helm names=helm ;;
  *) tools="k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kubectl"
    names="kube-apiserver kube-controller-manager kubectl" ;;
esac
case "$1 $2" in
  version*) echo "go version go\${GO_SAYS:-1.26.8} linux/amd64" ;;
  "list tool") printf '%s\\n' $tools ;;
  list*) echo one package ;;
  build*)
    echo "$module" >>"$place/builds"
    while [ "$1" != -o ]; do shift; done
    for name in $names; do echo "half of" >"$2$name"; done
    while [ "$module" = "\${GO_WAITS:-}" ] && [ ! -e "$place/go-on" ]; do sleep 0.05; done
    [ "$module" = "\${GO_FAILS:-}" ] && echo "no such module" >&2 && exit 1
    for name in $names; do echo "\${name/#server/etcd}" >"$2$name" && chmod 755 "$2$name"; done ;;
esac
`;

let place: string;
let running: ChildProcess[] = [];

/** A checkout with the script and the pins, and a Go that builds nothing. */
beforeEach(async () => {
  place = realpathSync(await mkdtemp(join(tmpdir(), "posthouse-setup-")));
  for (const part of ["setup/controlplane.sh", "harness/controlplane"])
    cpSync(join(source, part), join(place, "test", part), { recursive: true });
  mkdirSync(join(place, "bin"));
  writeFileSync(join(place, "bin/go"), go);
  chmodSync(join(place, "bin/go"), 0o755);
});
afterEach(async () => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
  await rm(place, { recursive: true, force: true });
});

interface Run {
  readonly child: ChildProcess;
  readonly end: Promise<{ code: number | null; folder: string; said: string }>;
}

function start(env: Readonly<Record<string, string>> = {}): Run {
  const path = `${join(place, "bin")}:/usr/bin:/bin`;
  const child = spawn("bash", [join(place, "test/setup/controlplane.sh")], {
    env: { PATH: path, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.push(child);
  let folder = "";
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (folder += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const end = once(child, "close").then(() => ({ code: child.exitCode, folder: folder.trim(), said }));
  return { child, end };
}

/** The modules that were built, in their order. */
const builds = (): string[] =>
  existsSync(join(place, "builds")) ? readFileSync(join(place, "builds"), "utf8").trim().split("\n") : [];
const began = (module: string): Promise<true> =>
  until(`the build of ${module} begins`, async () => builds().includes(module) || undefined, patience);

/** A folder with these programs, as envtest and others make them. */
function assets(names: readonly string[]): string {
  const folder = join(place, "assets");
  mkdirSync(folder);
  for (const name of names) writeFileSync(join(folder, name), `${name} of the assets`, { mode: 0o755 });
  return folder;
}

/** Expects that every program of a folder is there as a whole. */
function expectWhole(folder: string, from: (name: string) => string = (name) => name): void {
  const found = programs.map((name) => readFileSync(join(folder, name), "utf8").trim());
  expect(found).toEqual(programs.map(from));
}

describe("the set-up of the control plane", { timeout: patience }, () => {
  test("takes what KUBEBUILDER_ASSETS has, and builds nothing", async () => {
    const folder = assets(programs);
    expect(await start({ KUBEBUILDER_ASSETS: folder }).end).toEqual({ code: 0, folder, said: "" });
    expect(builds()).toEqual([]);
  });

  test("builds only what KUBEBUILDER_ASSETS lacks", async () => {
    const given = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"];
    const { code, folder } = await start({ KUBEBUILDER_ASSETS: assets(given) }).end;
    expect(code).toBe(0);
    expect(builds()).toEqual(["helm"]);
    expectWhole(folder, (name) => (given.includes(name) ? `${name} of the assets` : name));
  });

  test("builds once, says so, and finds it in the cache from then on", async () => {
    const first = await start().end;
    expect(first).toMatchObject({
      code: 0,
      said: expect.stringMatching(/building etcd helm .*\n[^]*kubernetes: done/),
    });
    expectWhole(first.folder);
    expect(await start().end).toEqual({ code: 0, folder: first.folder, said: "" });
    expect(builds()).toEqual(["etcd", "helm", "kubernetes"]);
  });

  test("builds anew when another version is pinned", async () => {
    const { folder } = await start().end;
    writeFileSync(join(place, "test/harness/controlplane/helm/go.sum"), "another\n");
    const second = await start().end;
    expect(second.folder).not.toBe(folder);
    expect(builds()).toHaveLength(6);
  });

  test("of two runs at once one builds and the other waits", async () => {
    const one = start({ GO_WAITS: "etcd" });
    await began("etcd");
    const other = start();
    writeFileSync(join(place, "go-on"), "");
    const [first, second] = await Promise.all([one.end, other.end]);
    expect([first.code, second.code]).toEqual([0, 0]);
    expectWhole(second.folder);
    expect(builds()).toEqual(["etcd", "helm", "kubernetes"]);
  });

  test.each(["SIGTERM", "SIGKILL"] as const)(
    "leaves nothing half after %s, and goes on where it was",
    async (signal) => {
      const one = start({ GO_WAITS: "kubernetes" });
      await began("kubernetes");
      one.child.kill(signal);
      expect(await Promise.race([once(one.child, "exit").then(() => "ended"), one.end])).toBe("ended");
      const [hash = ""] = readdirSync(join(place, ".cache/controlplane"));
      const home = join(place, ".cache/controlplane", hash);
      expect(readdirSync(home)).not.toContain("kubectl");
      // What a SIGKILL left of Go builds on; the next run waits for it.
      writeFileSync(join(place, "go-on"), "");
      const second = await start().end;
      expect(second).toMatchObject({ code: 0, folder: home });
      expectWhole(home);
      expect(readdirSync(home).toSorted()).toEqual([...programs, "lock"].toSorted());
      expect(builds()).toEqual(["etcd", "helm", "kubernetes", "kubernetes"]);
    },
  );

  test.each([
    ["there is no Go", { PATH: "/usr/bin:/bin" }, /no Go 1\.26 or newer \(none in PATH\)/],
    ["Go is too old", { GO_SAYS: "1.25.9" }, /no Go 1\.26 or newer \(go version go1\.25\.9/],
    ["a build fails", { GO_FAILS: "helm" }, /no such module\n.*Go could not build helm/],
  ])("names the three ways when %s", async (_, env, error) => {
    const { code, folder, said } = await start(env).end;
    expect({ code, folder }).toEqual({ code: 1, folder: "" });
    expect(said).toMatch(error);
    expect(said).toMatch(/set KUBEBUILDER_ASSETS .*; put them into .*\.cache\/controlplane\/\d+; install Go 1\.26/);
  });
});
