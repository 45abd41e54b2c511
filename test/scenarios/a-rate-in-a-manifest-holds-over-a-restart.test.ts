import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Credential, readCredential, sendMail } from "../harness/application.ts";
import { freePorts, type Running, startPosthouse } from "../harness/posthouse.ts";

const folder = mkdtempSync(join(tmpdir(), "posthouse-rate-"));
const [manifests, state, fleet] = ["manifests", "state", "fleet.yaml"].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
let port = 0;
let admin = 0;
let running: Running | undefined;

/** Captured mail needs no DNS, and counts against rates like any other. */
const manifest = `
apiVersion: posthouse.dev/v1alpha1
kind: RelayTenant
metadata: { name: shop, namespace: team-shop }
spec:
  allowance: { plan: Pro, credits: { type: OneTime, amount: 100 } }
  environments:
    - name: staging
      mode: Capture
      rate: { perSecond: 100, perDay: 2 }
      credentials: [{ name: web, secretName: shop-staging-web }]
---
apiVersion: posthouse.dev/v1alpha1
kind: SendingDomain
metadata: { name: shop-example, namespace: team-shop }
spec: { domain: shop.example, tenantRef: { name: shop } }
`;

async function start(): Promise<void> {
  const args = ["--manifests", manifests, "--state", state, "--fleet", fleet];
  running = await startPosthouse(args, { host: "127.0.0.1", port: admin });
}

beforeAll(async () => {
  [port = 0, admin = 0] = await freePorts(2);
  mkdirSync(manifests);
  writeFileSync(join(manifests, "shop.yaml"), manifest);
  writeFileSync(
    fleet,
    `hostname: relay.example
listeners: [{ name: submissions, host: 127.0.0.1, port: ${port}, tls: Implicit }]
admin: { host: 127.0.0.1, port: ${admin} }
dns: { mode: Resolvers, resolvers: ["127.0.0.1:1"] }
plans: { Pro: { maxCredits: 1000, rates: { tenant: { perSecond: 50 } } } }
`,
  );
  await start();
}, 60_000);
afterAll(async () => {
  await running?.stop();
  rmSync(folder, { recursive: true });
});

const credential = (): Promise<Credential> =>
  vi.waitFor(() => readCredential({ state }, "shop-staging-web"), {
    timeout: 20_000,
    interval: 100,
  });

async function send(): Promise<string> {
  const message = { from: "orders@shop.example", to: "anna@friend.example", subject: "Order" };
  const { reply } = await sendMail(await credential(), message, { port, implicitTls: true });
  return reply;
}

async function metric(name: string): Promise<string | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  return text.split("\n").find((line) => line.startsWith(name));
}

test("what a manifest says of a rate holds in the relay, goes on after a restart, and shows in the metrics", async () => {
  // The first message is refused until the contract with the domain's pending key is there.
  await vi.waitFor(async () => expect(await send()).toMatch(/^250/), { timeout: 20_000, interval: 100 });
  expect(await send()).toMatch(/^250/);
  expect(await send()).toMatch(/^451 4\.7\.1 Rate limit exceeded, try again in \d+ seconds?$/);
  expect(await running?.stop()).toBe(0);
  await start();
  expect(await send()).toMatch(/^451 4\.7\.1 Rate limit exceeded, try again in \d+ seconds?$/);
  expect(await metric('posthouse_relay_events_total{type="refused",class="EnvironmentRateLimited"}')).toMatch(/ 1$/);
}, 60_000);
