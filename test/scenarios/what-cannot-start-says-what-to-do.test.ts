import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freePorts, posthouse, startPosthouse, type Finished } from "../harness/posthouse.ts";

const examples = new URL("../../docs/examples/quickstart/", import.meta.url).pathname;
let folder: string;
let ports: readonly number[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "posthouse-start-"));
  ports = await freePorts(2);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function args(options: { manifests?: string; state?: string } = {}): readonly string[] {
  const { manifests = examples, state = join(folder, "state") } = options;
  return ["--manifests", manifests, "--state", state, "--fleet", join(folder, "fleet.yaml")];
}

async function fleet(more = ""): Promise<void> {
  const [submission, admin] = ports;
  const text = `listeners: [{ name: submission, host: 127.0.0.1, port: ${submission} }]\nadmin: { port: ${admin} }\n`;
  await writeFile(join(folder, "fleet.yaml"), text + more);
}

/** It ended with exit code 2 and one error that a person can act on: no stack trace. */
function expectRefused(finished: Finished, message: RegExp): void {
  expect(finished.stderr).toMatch(message);
  expect(finished.stderr).not.toMatch(/^\s+at /m);
  expect(finished.code).toBe(2);
}

test("a port that another program uses", async () => {
  await fleet();
  const server = createServer().listen(ports[0], "127.0.0.1");
  await once(server, "listening");
  expectRefused(
    await posthouse(["up", ...args()]),
    /listener submission cannot listen on 127\.0\.0\.1 port \d+: the port is in use/,
  );
  server.close();
});

test("an admin port that another program uses", async () => {
  await fleet();
  const server = createServer().listen(ports[1], "127.0.0.1");
  await once(server, "listening");
  expectRefused(await posthouse(["up", ...args()]), /admin port \d+ .*in use/);
  server.close();
});

test("a certificate that expired", async () => {
  const day = 86_400_000;
  const pems = await generate([{ name: "commonName", value: "relay.example" }], {
    keyType: "ec",
    notBeforeDate: new Date(Date.now() - 2 * day),
    notAfterDate: new Date(Date.now() - day),
  });
  await writeFile(join(folder, "cert.pem"), pems.cert);
  await writeFile(join(folder, "key.pem"), pems.private);
  await fleet(`tls: { certificateFile: ${join(folder, "cert.pem")}, keyFile: ${join(folder, "key.pem")} }\n`);
  expectRefused(await posthouse(["up", ...args()]), /cert\.pem expired at .*put a new one there/);
});

test("mistakes in the fleet file, all of them", async () => {
  await fleet("dns: { timeout: soon }\nrelays: 3\n");
  expectRefused(
    await posthouse(["up", ...args()]),
    /fleet\.yaml:4:9: relays: no such field[^]*fleet\.yaml:3:17: dns\.timeout/,
  );
});

test("a fleet file that is not there", async () => {
  expectRefused(await posthouse(["up", ...args()]), /cannot read the fleet file .*ENOENT/);
});

test("a folder of manifests that is not there", async () => {
  await fleet();
  expectRefused(
    await posthouse(["up", ...args({ manifests: join(folder, "none") })]),
    /manifests folder .*make it, or name another/,
  );
});

test("a state folder that is a file", async () => {
  await fleet();
  await writeFile(join(folder, "state"), "");
  expectRefused(await posthouse(["up", ...args()]), /state folder .* is not a folder: .*move it away or name another/);
});

test("a state folder that others may read", async () => {
  await fleet();
  await mkdir(join(folder, "state"), { mode: 0o755 });
  expectRefused(await posthouse(["up", ...args()]), /state folder .*chmod 700/);
});

test("a state folder that another process holds", async () => {
  await fleet();
  const running = await startPosthouse(args(), { host: "127.0.0.1", port: ports[1] ?? 0 });
  try {
    expectRefused(await posthouse(["up", ...args()]), /state folder .*(another|held|process)/);
  } finally {
    expect(await running.stop()).toBe(0);
  }
});

test("commands without a state", async () => {
  const state = ["--state", join(folder, "none")];
  expectRefused(await posthouse(["dns", "shop.example", ...state]), /run posthouse up first, or name another folder/);
  expectRefused(await posthouse(["queue", "list", ...state]), /is that the --state of a `posthouse up`\?/);
  expectRefused(await posthouse(["queue", "lst", ...state]), /unknown command 'lst'/);
});
