import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { spawnBound } from "../test/harness/bound-process.ts";
import { startStubApiServer } from "../test/harness/stub-api-server.ts";
import { status } from "../test/harness/stub-faults.ts";
import { until } from "../test/harness/until.ts";

const main = new URL("main.ts", import.meta.url).pathname;
const patience = 60_000;
let folder: string;
let child: ChildProcess | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "posthouse-run-"));
});
afterEach(async () => {
  child?.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

/** Starts an operator with this kubeconfig. */
async function startOperator(kubeconfig: string): Promise<() => string> {
  const fleet = join(folder, "fleet.yaml");
  await writeFile(fleet, "admin: { port: 0 }\n");
  const args = [main, "operator", "--kubeconfig", kubeconfig, "--fleet", fleet, "--namespace", "posthouse-system"];
  child = spawnBound(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => (said += text));
  return () => said;
}

async function untilThere(file: string): Promise<void> {
  const isThere = (): Promise<true | undefined> =>
    access(file).then(
      () => true,
      () => undefined,
    );
  await until(`${file} is there`, isThere, patience);
}

/** SIGTERM; its exit code. */
async function terminate(): Promise<unknown> {
  child?.kill("SIGTERM");
  const [code] = (await once(child!, "exit")) as unknown[];
  return code;
}

test("a signal ends a start that waits for the API server", { timeout: patience }, async () => {
  const stub = await startStubApiServer();
  stub.fault = () => "Hang";
  const said = await startOperator(stub.kubeconfig());
  await until("it lists", async () => (stub.requests.length > 0 ? true : undefined), patience);
  expect(await terminate()).toBe(0);
  expect(said()).not.toContain("did not stop");
  await stub.close();
});

test("a signal ends a start in a step that does not hear of it", { timeout: patience }, async () => {
  const stub = await startStubApiServer();
  const mark = join(folder, "plugin-runs");
  // It goes on for as long as who started it.
  const plugin = `touch ${mark}; while kill -0 $PPID; do sleep 0.1; done`;
  const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "sh", args: ["-c", plugin] };
  const said = await startOperator(stub.kubeconfig({ exec }));
  await untilThere(mark);
  expect(await terminate()).toBe(0);
  expect(said()).toContain("SIGTERM: stopping");
  await stub.close();
});

test("a signal ends it though a plugin for credentials goes on", { timeout: patience }, async () => {
  const stub = await startStubApiServer();
  stub.fault = () => status(401, "Unauthorized");
  const mark = join(folder, "plugin-hangs");
  const credential = {
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status: { token: "of-a-plugin" },
  };
  // The first time it answers; then it goes on for as long as who started it.
  const plugin = `if [ -e ${mark}.once ]; then touch ${mark}; while kill -0 $PPID; do sleep 0.1; done; fi; touch ${mark}.once; echo '${JSON.stringify(credential)}'`;
  const exec = { apiVersion: credential.apiVersion, command: "sh", args: ["-c", plugin] };
  await startOperator(stub.kubeconfig({ exec }));
  await untilThere(mark);
  expect(await terminate()).toBe(0);
  await stub.close();
});
