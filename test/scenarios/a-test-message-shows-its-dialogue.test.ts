import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readCredential } from "../harness/application.ts";
import { freePorts, posthouse, startPosthouse, type Finished, type Running } from "../harness/posthouse.ts";
import { until } from "../harness/until.ts";

const manifests = new URL("../../docs/examples/quickstart/", import.meta.url).pathname;
const secret = "team-shop/shop-staging-web";

let folder: string;
let relay: Running;
let closedPort: number;
let password: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "posthouse-send-"));
  const [port = 0, admin = 0, closed = 0] = await freePorts(3);
  closedPort = closed;
  const fleet = join(folder, "fleet.yaml");
  await writeFile(
    fleet,
    `hostname: localhost
listeners: [{ name: submission, host: 127.0.0.1, port: ${port}, tls: StartTLS }]
admin: { host: 127.0.0.1, port: ${admin} }
dns: { resolvers: ["127.0.0.1:${closed}"] }
`,
  );
  const args = ["--manifests", manifests, "--state", join(folder, "state"), "--fleet", fleet];
  relay = await startPosthouse(args, { host: "127.0.0.1", port: admin });
  const place = { state: join(folder, "state") };
  await until("a credential", () => readCredential(place, "shop-staging-web").catch(() => undefined));
  const { stdout } = await posthouse(["secret", secret, "password", "--state", place.state]);
  password = stdout.trim();
}, 60_000);
afterAll(async () => {
  await relay.stop();
  await rm(folder, { recursive: true });
});

function send(from: string, ...more: readonly string[]): Promise<Finished> {
  const names = ["--from", from, "--to", "anna@friend.example", "--secret", secret];
  return posthouse(["send", ...names, "--state", join(folder, "state"), ...more]);
}

test("posthouse send shows what was said, without what authenticates", { timeout: 30_000 }, async () => {
  const { code, stdout, stderr } = await send("orders@shop.example");
  expect([code, stderr]).toEqual([0, ""]);
  const parts = [
    /^S: 220 localhost/m,
    /^C: STARTTLS$/m,
    /^C: AUTH PLAIN \*\*\*$/m,
    /^C: MAIL FROM:<orders@shop\.example>/m,
    /^C: RCPT TO:<anna@friend\.example>/m,
    /^S: 250 2\.0\.0 Ok: queued as/m,
    /^accepted: 250 2\.0\.0 Ok: queued as \S+$/m,
  ];
  for (const part of parts) expect(stdout).toMatch(part);
  expect(stdout).not.toContain(password);
  expect(stdout).not.toContain(Buffer.from(`\0apikey\0${password}`).toString("base64"));
  expect(JSON.parse((await send("orders@shop.example", "--json")).stdout)).toMatchObject({
    accepted: true,
    dialogue: expect.arrayContaining([{ side: "C", text: "AUTH PLAIN ***" }]) as unknown,
  });
});

test(
  "posthouse send takes a credential from a mounted Secret, or from a password file",
  { timeout: 30_000 },
  async () => {
    const mounted = join(folder, "mounted");
    await mkdir(mounted, { recursive: true });
    const { stdout: text } = await posthouse(["secret", secret, "--json", "--state", join(folder, "state")]);
    const data = JSON.parse(text) as Record<string, string>;
    for (const [key, value] of Object.entries(data)) await writeFile(join(mounted, key), value);
    const to = ["send", "--from", "orders@shop.example", "--to", "anna@friend.example"];
    expect(await posthouse([...to, "--secret-dir", mounted])).toMatchObject({ code: 0, stderr: "" });
    expect(await posthouse([...to, "--secret-dir", mounted, "--host", "127.0.0.1"])).toMatchObject({ code: 0 });
    const flags = ["--host", "localhost", "--port", data["port"] ?? "", "--ca-file", join(mounted, "certificates")];
    const alone = [...to, "--password-file", join(mounted, "password"), ...flags];
    expect(await posthouse(alone)).toMatchObject({ code: 0, stderr: "" });
    expect(await posthouse([...alone, "--username", "somebody"])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^refused: 535/m) as unknown,
    });
    expect(await posthouse([...to, "--secret-dir", folder])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("mount the Secret that a RelayTenant names") as unknown,
    });
    for (const wrong of [to, [...to, "--secret-dir", mounted, "--secret", secret]])
      expect(await posthouse(wrong)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("name one credential") as unknown,
      });
  },
);

test("posthouse send tells a refusal from a relay that does not answer", { timeout: 30_000 }, async () => {
  expect(await send("orders@other.example")).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^refused: 550 5\.7\.1 You are not authorized/m) as unknown,
  });
  expect(await send("orders@shop.example", "--port", String(closedPort))).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/ECONNREFUSED.*is the relay running/) as unknown,
  });
});

test("posthouse send says where the name comes from that leads nowhere", { timeout: 30_000 }, async () => {
  const file = join("objects", "team-shop", "Secret", "shop-staging-web.yaml");
  const elsewhere = join(folder, "elsewhere");
  await mkdir(join(elsewhere, dirname(file)), { recursive: true, mode: 0o700 });
  const text = await readFile(join(folder, "state", file), "utf8");
  await writeFile(join(elsewhere, file), text.replace("host: localhost", "host: relay.invalid"));
  expect(await send("orders@shop.example", "--state", elsewhere)).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringMatching(/^error: relay\.invalid:\d+: .*`hostname` of the fleet file/) as unknown,
  });
});

test("what is piped is plain, whatever the environment says", { timeout: 30_000 }, async () => {
  vi.stubEnv("CI", "true");
  vi.stubEnv("FORCE_COLOR", "1");
  try {
    expect((await send("orders@shop.example")).stdout).not.toContain("\u001B");
    expect((await posthouse(["secret", "x"])).stderr).toMatch(/^error: name the Secret/m);
  } finally {
    vi.unstubAllEnvs();
  }
});
