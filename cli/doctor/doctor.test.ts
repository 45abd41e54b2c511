import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AuthoritativeResolver } from "../../net/authoritative.ts";
import { systemClock } from "../../runtime/clock.ts";
import { startZoneServer } from "../../test/harness/zone-server.ts";
import { parseFleet } from "../fleet-file.ts";
import type { Fleet } from "../fleet.ts";
import { checkCertificate } from "./certificate.ts";
import { doctor } from "./doctor.ts";
import { checkClock, checkState, judgeClock, judgeFlush, judgeSpace } from "./machine.ts";
import { checkAuthoritative, checkMail, checkResolvers } from "./network.ts";
import { checkPorts } from "./ports.ts";

const day = 86_400_000;
const now = Date.parse("2026-12-01T00:00:00Z");
const holder = { pid: 4711, host: "here", started: "" };

let folder: string;
let servers: Server[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "doctor-"));
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  rmSync(folder, { recursive: true, force: true });
});

function fleetOf(text: string): Fleet {
  const parsed = parseFleet(text);
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.fleet;
}

/** A server on a free port of loopback that says a line to whoever connects. */
async function serve(line: string): Promise<number> {
  const server = createServer((socket) => socket.on("error", () => undefined).end(line));
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function pair(name: string, begins: number, ends: number): Promise<string> {
  const pems = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate: new Date(now + begins * day),
    notAfterDate: new Date(now + ends * day),
    extensions: [{ name: "subjectAltName", altNames: [{ type: 2, value: name }] }],
  });
  writeFileSync(join(folder, `${name}.crt`), pems.cert);
  writeFileSync(join(folder, `${name}.key`), pems.private);
  return name;
}

const fleetWith = (certificate: string, key: string): Fleet =>
  fleetOf(
    `hostname: relay.example.net\ntls: {certificateFile: ${join(folder, certificate)}, keyFile: ${join(folder, key)}}`,
  );

const fleetOn = (port: number): Fleet =>
  fleetOf(`listeners: [{name: door, host: 127.0.0.1, port: ${port}}]\nadmin: {host: 127.0.0.1, port: 0}`);

const fleetAsking = (resolvers: string): Fleet =>
  fleetOf(`hostname: relay.example.net\ndns: {timeout: 300ms, resolvers: [${resolvers}]}`);

const options = (text: string): { fleet: string; state: string; probe: string[] } => {
  writeFileSync(join(folder, "fleet.yaml"), text);
  return { fleet: join(folder, "fleet.yaml"), state: join(folder, "state"), probe: [] };
};

describe("the certificate", () => {
  test.each([
    { name: "good", host: "relay.example.net", begins: -1, ends: 90, verdict: "Good", found: /until 2027-03-01/ },
    { name: "near its end", host: "relay.example.net", begins: -1, ends: 5, verdict: "Warning", found: /ends on/ },
    { name: "expired", host: "relay.example.net", begins: -9, ends: -1, verdict: "Bad", found: /expired/ },
    { name: "not valid yet", host: "relay.example.net", begins: 1, ends: 9, verdict: "Bad", found: /valid only from/ },
    { name: "of another host", host: "mail.example.org", begins: -1, ends: 90, verdict: "Bad", found: /not for relay/ },
  ])("$name", async ({ host, begins, ends, verdict, found }) => {
    await pair(host, begins, ends);
    expect(await checkCertificate(fleetWith(`${host}.crt`, `${host}.key`), now)).toMatchObject({
      verdict,
      found: expect.stringMatching(found),
    });
  });

  test("with another's key, with no file, and none at all", async () => {
    await pair("relay.example.net", -1, 90);
    await pair("other.example.net", -1, 90);
    const mixed = fleetWith("relay.example.net.crt", "other.example.net.key");
    expect(await checkCertificate(mixed, now)).toMatchObject({
      verdict: "Bad",
      found: expect.stringMatching(/does not belong/),
    });
    const absent = fleetWith("absent.crt", "absent.key");
    expect(await checkCertificate(absent, now)).toMatchObject({
      verdict: "Bad",
      found: expect.stringMatching(/ENOENT/),
    });
    expect(await checkCertificate(fleetOf(""), now)).toMatchObject({
      verdict: "Warning",
      found: expect.stringMatching(/self-signed/),
    });
  });
});

describe("ports", () => {
  test("free, another's, and our own", async () => {
    const port = await serve("");
    expect(await checkPorts(fleetOn(port), undefined)).toMatchObject([
      {
        check: "port door",
        verdict: "Bad",
        found: expect.stringMatching(/EADDRINUSE/),
        remedy: expect.stringMatching(/another program/),
      },
      { check: "port admin", verdict: "Skipped" },
    ]);
    expect(await checkPorts(fleetOn(port), holder)).toMatchObject([
      { verdict: "Good", found: expect.stringMatching(/process 4711/) },
      {},
    ]);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await checkPorts(fleetOn(port), undefined)).toMatchObject([
      { verdict: "Good", found: expect.stringMatching(/free/) },
      {},
    ]);
  });

  test("at an address that this machine does not have", async () => {
    const fleet = fleetOf("listeners: [{name: door, host: 192.0.2.1, port: 2525}]\nadmin: {port: 0}");
    expect(await checkPorts(fleet, undefined)).toMatchObject([
      { verdict: "Bad", found: expect.stringMatching(/EADDRNOTAVAIL/) },
      {},
    ]);
  });
});

describe("the network", () => {
  test("a resolver that answers is good, whatever it says; one that does not is bad", async () => {
    const zone = await startZoneServer({ zones: [{ name: "example.net" }] });
    expect(await checkResolvers(fleetAsking(`"${zone.address}"`), systemClock)).toMatchObject([{ verdict: "Good" }]);
    await zone.close();
    expect(await checkResolvers(fleetAsking(`"${zone.address}"`), systemClock)).toMatchObject([
      { verdict: "Bad", remedy: expect.stringMatching(/port 53/) },
    ]);
  });

  test.each<{ name: string; hostname: string; resolver: AuthoritativeResolver | undefined; verdict: string }>([
    { name: "not asked", hostname: "relay.example.net", resolver: undefined, verdict: "Skipped" },
    { name: "no zone", hostname: "localhost", resolver: { ask: async () => ({ servers: [] }) }, verdict: "Skipped" },
    {
      name: "one of two answers",
      hostname: "relay.example.net",
      resolver: {
        ask: async () => ({
          servers: [
            { server: "a", answer: { kind: "Failed", reason: "no answer" } },
            { server: "b", answer: { kind: "NXDomain" } },
          ],
        }),
      },
      verdict: "Good",
    },
    {
      name: "nobody answers",
      hostname: "relay.example.net",
      resolver: { ask: async () => ({ servers: [{ server: "a", answer: { kind: "Failed", reason: "no answer" } }] }) },
      verdict: "Bad",
    },
    {
      name: "there is nobody",
      hostname: "relay.example.net",
      resolver: { ask: async () => ({ servers: [], problem: "no zone" }) },
      verdict: "Bad",
    },
  ])("authoritative servers: $name", async ({ hostname, resolver, verdict }) => {
    expect(await checkAuthoritative({ hostname }, resolver)).toMatchObject({ verdict });
  });

  test("mail hosts are tried only when they are named", async () => {
    expect(await checkMail([], systemClock, 500)).toMatchObject([{ verdict: "Skipped" }]);
    const probes = [await serve("220 mx.example.org ESMTP\r\n"), await serve("554 no\r\n"), await serve("")];
    const closed = await serve("");
    await new Promise((resolve) => servers.pop()?.close(resolve));
    const hosts = [...probes, closed].map((port) => `127.0.0.1:${port}`);
    expect((await checkMail(hosts, systemClock, 500)).map(({ verdict, found }) => `${verdict} ${found}`)).toEqual([
      "Good 127.0.0.1 greets",
      "Bad 127.0.0.1: 554 no",
      "Bad 127.0.0.1: it closed the connection",
      "Bad 127.0.0.1: ECONNREFUSED",
    ]);
  });
});

describe("the machine", () => {
  test.each([
    { name: "full", finding: judgeSpace(1024), verdict: "Bad" },
    { name: "nearly full", finding: judgeSpace(500 * 1024 * 1024), verdict: "Warning" },
    { name: "roomy", finding: judgeSpace(50 * 1024 ** 3), verdict: "Good" },
    { name: "fast", finding: judgeFlush(1.5), verdict: "Good" },
    { name: "slow", finding: judgeFlush(80), verdict: "Warning" },
    { name: "right", finding: judgeClock(now, now - day), verdict: "Good" },
    { name: "before this version", finding: judgeClock(0, 0), verdict: "Bad" },
    { name: "before the newest file", finding: judgeClock(now, now + day), verdict: "Bad" },
    { name: "a moment before the newest file", finding: judgeClock(now, now + 1000), verdict: "Good" },
  ])("$name", ({ finding, verdict }) => {
    expect(finding).toMatchObject({ verdict });
  });

  test("a state folder is measured, and left as it was", async () => {
    chmodSync(folder, 0o700);
    let time = 0;
    const findings = await checkState(folder, () => (time += 2));
    expect(findings.map(({ check }) => check)).toEqual(["state folder", "disk space", "disk flush"]);
    expect(findings[2]).toMatchObject({ verdict: "Good", found: expect.stringMatching(/2\.0 ms/) });
    expect(await checkClock(folder, systemClock.now())).toMatchObject({ verdict: "Good" });
    chmodSync(folder, 0o755);
    expect((await checkState(folder, () => 0))[0]).toMatchObject({
      verdict: "Bad",
      remedy: expect.stringMatching(/chmod 700/),
    });
    expect(await checkState(join(folder, "absent"), () => 0)).toMatchObject([{ verdict: "Skipped" }]);
  });
});

async function run(text: string, json = false): Promise<{ code: number; out: string }> {
  const lines: string[] = [];
  const terminal = {
    out: (line: string) => void lines.push(line),
    err: () => undefined,
    bytes: () => undefined,
    json,
    color: false,
  };
  return { code: await doctor(options(text), terminal), out: lines.join("\n") };
}

describe("posthouse doctor", () => {
  const quiet = "listeners: [{name: door, host: 127.0.0.1, port: 0}]\nadmin: {port: 0}\n";

  test("says what is wrong with a fleet file and what to do, and exits with 1", async () => {
    const { code, out } = await run(`${quiet}hostnam: x\n`);
    expect(code).toBe(1);
    expect(out).toMatch(
      /^FAIL {2}fleet file {4}the fleet file is wrong:\n {20}.*fleet\.yaml:3:10: hostnam: no such field/m,
    );
    expect(out).toMatch(/-> correct it/);
    expect(out).toMatch(/1 of \d checks failed$/);
  });

  test("prints JSON, and exits with 0 when nothing is wrong", async () => {
    const zone = await startZoneServer({ zones: [{ name: "localhost" }] });
    const { code, out } = await run(`${quiet}dns: {resolvers: ["${zone.address}"], timeout: 500ms}\n`, true);
    await zone.close();
    const { findings } = JSON.parse(out) as { findings: { check: string; verdict: string }[] };
    expect(findings.filter(({ verdict }) => verdict === "Bad")).toEqual([]);
    expect(code).toBe(0);
  });
});
