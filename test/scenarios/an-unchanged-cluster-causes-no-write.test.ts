import { afterEach, expect, test } from "vitest";
import { becomes, deliveringTenant, has, make, writesOf, writingEnds } from "../harness/custom-resources.ts";
import { operatorRelease, startOperatorProcess, type OperatorProcess } from "../harness/operator-process.ts";
import { until } from "../harness/until.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";
import { startZoneServer, type ZoneServer } from "../harness/zone-server.ts";

const plane = withControlPlane({ crds: true });
let operator: OperatorProcess | undefined;
let zone: ZoneServer | undefined;
afterEach(async () => {
  operator?.signal("SIGKILL");
  await operator?.ended();
  await zone?.close();
});

/** One shows its records, one shows none, and one has a foreign key at a selector of its own. */
const names = ["shown", "missing", "foreign"] as const;

test("ten checks of each domain in a minute, and nothing is written but the Lease", { timeout: 500_000 }, async () => {
  const checks = new Map<string, number>();
  zone = await startZoneServer({
    zones: ["example", ...names.map((name) => `${name}.example`)].map((name) => ({ name, ttl: 1, minimum: 1 })),
    onQuery: ({ name, type }) =>
      type === "TXT" && /^s\d{4}q\d\._domainkey\./.test(name) && checks.set(name, (checks.get(name) ?? 0) + 1),
  });
  const { address } = zone;
  const servers = { resolvers: [address], authorities: [{ zone: "example", servers: [address] }] };
  const pace = { activationDelay: "0s", checkInterval: "2s", missingInterval: "1s", missingIntervalMax: "3s" };
  const release = await operatorRelease(plane());
  const team = await plane().namespace();
  operator = await startOperatorProcess(plane(), release, { hostname: "relay.example", dns: { ...servers, ...pace } });
  const { output } = operator;
  await make(plane(), `relaytenants/${team}/shop`, deliveringTenant);
  for (const name of names)
    await make(plane(), `sendingdomains/${team}/${name}`, { domain: `${name}.example`, tenantRef: { name: "shop" } });
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
  await becomes(plane(), `relaytenants/${team}/shop`, has("Ready", "True/Reconciled"), output);

  const before = await writingEnds(plane(), release.namespace, "posthouse-operator");
  expect(before).toBeGreaterThan(10);
  checks.clear();
  const end = Date.now() + 60_000;
  const areChecked = (): boolean => checks.size === names.length && [...checks.values()].every((count) => count >= 10);
  const look = async (): Promise<true | undefined> => (areChecked() && Date.now() > end) || undefined;
  await until("each domain is checked ten times", look, 240_000);
  expect((await writesOf(plane(), release.namespace, "posthouse-operator")).slice(before)).toEqual([]);
  const metrics = (await operator.get("/metrics")) ?? "";
  expect(metrics).toMatch(/leader_election_master_status\{name="posthouse-operator"\} 1/);
  expect(metrics).toMatch(/rest_client_requests_total\{code="200",host="127\.0\.0\.1:\d+",method="PUT"\} [1-9]/);
  expect(metrics).toMatch(/controller_runtime_reconcile_total\{controller="SendingDomain"/);
});
