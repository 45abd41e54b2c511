import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { readCredential, sendMail } from "../harness/application.ts";
import { freePorts, posthouse, startPosthouse } from "../harness/posthouse.ts";
import { startRedis } from "../harness/redis.ts";
import { until } from "../harness/until.ts";

const manifests = new URL("../../docs/examples/quickstart", import.meta.url).pathname;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function page(port: number, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/${path}`)).text();
}

test("a posthouse relay beside a posthouse up takes mail for the same tenants and bills the same credits", async () => {
  const redis = await startRedis({ config: { maxmemory: "256mb" } });
  closing.push(() => redis.close());
  const folder = await mkdtemp(join(tmpdir(), "posthouse-fleet-"));
  closing.push(() => rm(folder, { recursive: true }));
  const state = join(folder, "state");
  const [mailA = 0, mailB = 0, adminA = 0, adminB = 0] = await freePorts(4);
  const fleetOf = async (name: string, mail: number, admin: number): Promise<string> => {
    const file = join(folder, `${name}.yaml`);
    const listener = `{ name: submissions, host: 127.0.0.1, port: ${mail}, tls: Implicit }`;
    const text = `hostname: localhost\nstore: ${redis.url}\nlisteners: [${listener}]\nadmin: { port: ${admin} }\n`;
    await writeFile(file, text);
    return file;
  };
  const a = await fleetOf("a", mailA, adminA);
  const b = await fleetOf("b", mailB, adminB);

  await mkdir(join(state, "store"), { recursive: true, mode: 0o700 });
  await writeFile(join(state, "store", "data.mdb"), "");

  const up = await startPosthouse(["--manifests", manifests, "--state", state, "--fleet", a], {
    host: "127.0.0.1",
    port: adminA,
  });
  closing.push(() => up.stop());
  expect(up.output()).toContain(`posthouse store move file:${join(state, "store")} ${redis.url}`);
  const relay = await startPosthouse(["--state", state, "--fleet", b], { host: "127.0.0.1", port: adminB }, "relay");
  closing.push(() => relay.stop());

  const credential = await until("a credential", () =>
    readCredential({ state }, "shop-staging-web").catch(() => undefined),
  );
  const message = { from: "orders@shop.example", to: "anna@friend.example", subject: "Only a test" };
  const isTaken = async (port: number): Promise<true | undefined> =>
    (await sendMail(credential, message, { port, implicitTls: true })).accepted || undefined;
  // Credentials are made after the start, and must reach the process that only follows.
  for (const port of [mailA, mailB]) await until(`a message is taken at ${port}`, () => isTaken(port));

  const captures = await until("both are captured", async () => {
    const listed = await posthouse(["captures", "list", "--state", state, "--fleet", b, "--json"]);
    const rows = JSON.parse(listed.stdout) as unknown[];
    return rows.length >= 2 ? rows : undefined;
  });
  expect(captures.length).toBe(2);
  expect(await page(adminB, "readyz")).toBe("ok\ndurability: Verified\n");
  const metrics = await page(adminB, "metrics");
  expect(metrics).toMatch(/^posthouse_store_durability\{mode="Verified"\} 1$/m);
  expect(metrics).toMatch(/^posthouse_store_up 1$/m);
  expect(metrics).toMatch(/^posthouse_store_seconds_count\{operation="spool\.accept",outcome="Done"\} 1$/m);
  expect(metrics).toMatch(/^posthouse_store_round_trips_total [1-9]/m);
  expect(metrics).toMatch(/^posthouse_queue_oldest_message_seconds\{state="Due"\} \d/m);
  expect(metrics).toMatch(/^posthouse_lease_age_seconds \d/m);

  await redis.kill();
  const away = await until("it is noticed", async () => {
    const text = await page(adminB, "readyz");
    return text.startsWith("ok") ? undefined : text;
  });
  expect(away).toMatch(
    /^Redis at 127\.0\.0\.1:\d+ cannot be reached: (ECONNREFUSED|the connection was lost)\ndurability: Verified\n$/,
  );
  await redis.start();
  await until("it is used again", () => isTaken(mailB));
});

test("a relay alone wants a store that it can share, and a state folder", async () => {
  const alone = await posthouse(["relay", "--state", join(tmpdir(), "posthouse-none")]);
  expect(alone).toMatchObject({ code: 2, stderr: expect.stringMatching(/name a Redis in store/) });
  const folder = await mkdtemp(join(tmpdir(), "posthouse-fleet-"));
  closing.push(() => rm(folder, { recursive: true }));
  const file = join(folder, "fleet.yaml");
  await writeFile(file, "store: redis://:hunter2@127.0.0.1\n");
  const secret = await posthouse(["relay", "--state", folder, "--fleet", file]);
  expect(secret.stderr).toMatch(/fleet\.yaml:1:8: store: holds a password/);
  expect(secret.stderr).not.toMatch(/hunter2/);
});
