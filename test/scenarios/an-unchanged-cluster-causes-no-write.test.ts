import { generateKeyPairSync } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { becomes, deliveringTenant, has, make, writesOf, writingEnds } from "../harness/custom-resources.ts";
import { dnsEndpointCrd } from "../harness/dns-endpoint-crd.ts";
import { operatorRelease, startOperatorProcess, type OperatorProcess } from "../harness/operator-process.ts";
import {
  readyz,
  relayAccount,
  type RelayProcess,
  runsAsPod,
  startRelayProcess,
  tokenOf,
} from "../harness/relay-process.ts";
import { passwordOf } from "../harness/release.ts";
import { until } from "../harness/until.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";
import { startZoneServer, type ZoneServer } from "../harness/zone-server.ts";

const account = "posthouse-operator";
const plane = withControlPlane({ crds: true });
let operator: OperatorProcess | undefined;
let relay: RelayProcess | undefined;
let zone: ZoneServer | undefined;
afterEach(async () => {
  operator?.signal("SIGKILL");
  await operator?.ended();
  await relay?.process.kill();
  await zone?.close();
});

/** One shows its records, one shows none, one has a foreign key at a selector of its own, and one brings a key along. */
const names = ["shown", "missing", "foreign", "moved"] as const;
const pem = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" });

/** The questions of one check follow each other within so many milliseconds; checks are a second apart at least. */
const withinCheck = 500;

interface Place {
  readonly namespace: string;
  readonly team: string;
}

/** Makes Secrets that are offered, and who uses them: copies of what is in them are kept too. */
async function claim({ team }: Place): Promise<void> {
  const offer = async (name: string, use: string, stringData: object): Promise<void> => {
    const body = { metadata: { name, labels: { "posthouse.dev/use": use } }, stringData };
    const { code } = await plane().ask({ method: "POST", path: `/api/v1/namespaces/${team}/secrets`, body });
    expect(code).toBe(201);
  };
  await offer("upstream", "smarthost", { username: "shop", password: "known to the test" });
  await offer("old-key", "dkim-import", { privateKey: pem });
  const credits = { type: "Recurring", amount: 10, reset: "Monthly" };
  const smarthosts = [
    { name: "upstream", host: "smtp.example", port: 2525, security: "StartTLS", secretRef: { name: "upstream" } },
  ];
  await make(plane(), `relaytenants/${team}/shop`, {
    ...deliveringTenant,
    allowance: { plan: "Pro", credits },
    delivery: { route: "Smarthost", smarthosts },
  });
  const more: Readonly<Record<string, object>> = {
    shown: { dns: { publish: "ExternalDNS" } },
    moved: { dkim: { import: { selector: "legacy", secretRef: { name: "old-key" } } } },
  };
  for (const name of names)
    await make(plane(), `sendingdomains/${team}/${name}`, {
      domain: `${name}.example`,
      tenantRef: { name: "shop" },
      ...more[name],
    });
}

/** A relay that the operator finds, and what shows that it asks it. */
async function startRelay({
  namespace,
  team,
}: Place): Promise<{ send: () => Promise<string>; pulls: () => Promise<number> }> {
  const kubeconfig = await relayAccount(plane(), namespace);
  // Nobody answers there: what is taken stays.
  const fleet = { dns: { mode: "Resolvers", resolvers: ["127.0.0.1:1"] } };
  const running = await startRelayProcess(plane(), { namespace, kubeconfig }, fleet);
  relay = running;
  await runsAsPod(plane(), namespace, running);
  const user = `system:serviceaccount:${namespace}:${account}`;
  return {
    async send() {
      await readyz(running, 200);
      return running.send(await passwordOf(plane(), team, "shop-web"), "a@shown.example");
    },
    // Before it asks a relay it looks which there are.
    pulls: async () =>
      (await plane().auditEvents()).filter(
        (event) => event.user.username === user && event.objectRef?.resource === "pods" && event.verb === "list",
      ).length,
  };
}

test("ten checks of each domain in a minute, and nothing is written but the Lease", { timeout: 500_000 }, async () => {
  const checks = new Map<string, number>();
  const askedAt = new Map<string, number>();
  const isNewCheck = (name: string): boolean => {
    const last = askedAt.get(name) ?? 0;
    askedAt.set(name, Date.now());
    return Date.now() - last > withinCheck;
  };
  zone = await startZoneServer({
    zones: ["example", ...names.map((name) => `${name}.example`)].map((name) => ({ name, ttl: 1, minimum: 1 })),
    onQuery: ({ name, type }) =>
      type === "TXT" &&
      /^s\d{4}q\d\._domainkey\./.test(name) &&
      isNewCheck(name) &&
      checks.set(name, (checks.get(name) ?? 0) + 1),
  });
  const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  expect((await plane().ask({ method: "POST", path: crds, body: dnsEndpointCrd })).code).toBe(201);
  const team = await plane().namespace();
  const dnsAutomation = [{ zones: ["shown.example"], namespaces: [team] }];
  const release = await operatorRelease(plane(), { dnsAutomation });
  const place = { namespace: release.namespace, team };
  const start = await operatorWith(release, { address: zone.address, dnsAutomation });
  operator = await start();
  const output = (): string => operator?.output() ?? "";
  await claim(place);
  const { send, pulls } = await startRelay(place);
  const become = (name: string, isSo: Parameters<typeof becomes>[2]) =>
    becomes(plane(), `sendingdomains/${team}/${name}`, isSo, output);
  const reported = (name: string) => become(name, ({ records }) => records !== undefined);
  const { records: shown = [] } = await reported("shown");
  zone.publish(...shown.map(({ fqdn, value }) => ({ name: fqdn, type: "TXT" as const, value })));
  const { records: foreign = [] } = await reported("foreign");
  for (const { purpose, fqdn } of foreign)
    if (purpose === "DKIM") zone.publish({ name: fqdn, type: "TXT", value: "v=DKIM1; k=rsa; p=MIIB" });
  await become("shown", has("DNSVerified", "True/RecordsValid"));
  await become("missing", has("DNSVerified", "False/RecordMissing"));
  await become("foreign", has("DNSVerified", "False/RecordMismatch"));
  await become("moved", ({ records = [] }) => records.some(({ fqdn }) => fqdn.startsWith("legacy.")));
  await becomes(plane(), `relaytenants/${team}/shop`, has("Ready", "True/Reconciled"), output);
  const endpoint = `/apis/externaldns.k8s.io/v1alpha1/namespaces/${team}/dnsendpoints/shown-dns`;
  expect((await plane().ask({ path: endpoint })).code).toBe(200);

  await until("mail is taken", async () => (await send()).startsWith("250") || undefined, 120_000);
  operator.signal("SIGTERM");
  expect(await operator.ended()).toBe(0);
  operator = await start();
  await becomes(plane(), `relaytenants/${team}/shop`, ({ credits }) => (credits?.used ?? 0) > 0, output);

  const before = await writingEnds(plane(), release.namespace, account);
  expect(before).toBeGreaterThan(10);
  checks.clear();
  const pulledBefore = await pulls();
  const end = Date.now() + 60_000;
  const areChecked = (): boolean => checks.size === names.length && [...checks.values()].every((count) => count >= 10);
  const look = async (): Promise<true | undefined> =>
    (Date.now() > end && areChecked() && (await pulls()) >= pulledBefore + 2) || undefined;
  await until("each domain is checked ten times, and usage pulled twice", look, 240_000);
  expect((await writesOf(plane(), release.namespace, account)).slice(before)).toEqual([]);
  const metrics = (await operator.get("/metrics")) ?? "";
  expect(metrics).toMatch(/leader_election_master_status\{name="posthouse-operator"\} 1/);
  expect(metrics).toMatch(/rest_client_requests_total\{code="200",host="127\.0\.0\.1:\d+",method="PUT"\} [1-9]/);
  expect(metrics).toMatch(/controller_runtime_reconcile_total\{controller="SendingDomain"/);
  expect(`${typesIn(metrics).join("\n")}\n`).toBe(await readFile(fixture, "utf8"));
});

/** What a running operator tells, but for what Node.js tells of itself. */
const fixture = new URL("../fixtures/operator-metrics.txt", import.meta.url);

function typesIn(metrics: string): readonly string[] {
  return metrics
    .split("\n")
    .filter((line) => /^# TYPE (?!nodejs_|process_)/.test(line))
    .toSorted();
}

/** How to start an operator that checks often, may publish for `shown`, and has a token for relays. */
async function operatorWith(
  release: Awaited<ReturnType<typeof operatorRelease>>,
  { address, dnsAutomation }: { readonly address: string; readonly dnsAutomation: readonly object[] },
): Promise<() => Promise<OperatorProcess>> {
  const servers = { resolvers: [address], authorities: [{ zone: "example", servers: [address] }] };
  const pace = { activationDelay: "0s", checkInterval: "2s", missingInterval: "1s", missingIntervalMax: "3s" };
  const fleet = { hostname: "relay.example", dns: { ...servers, ...pace }, dnsAutomation };
  const token = join(plane().folder, "usage.token");
  await writeFile(token, await tokenOf(plane(), release.namespace, account, "posthouse.dev/usage"), { mode: 0o600 });
  return () => startOperatorProcess(plane(), release, fleet, ["--usage-token", token]);
}
