import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openFolder, type FolderCluster } from "../../cluster/folder/folder.ts";
import { decodeDomainContract, decodeTenantContract } from "../../contract/codec.ts";
import { decodePrivateKey } from "../../contract/key-secret.ts";
import { domainContractName, tenantContractName } from "../../contract/names.ts";
import type { RelayTenantStatus } from "../../crds/relay-tenant.ts";
import type { SendingDomainStatus } from "../../crds/sending-domain.ts";
import { dnsClient } from "../../net/dns-client.ts";
import { parseEndpoint } from "../../net/endpoint.ts";
import { startOperator, type Operator } from "../../operator/operator.ts";
import { characterStrings } from "../../operator/hand-over/record-text.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { startZoneServer, type ZoneServer } from "../harness/zone-server.ts";

const contractNamespace = "posthouse-system";
const folder = mkdtempSync(join(tmpdir(), "posthouse-operator-"));
const manifests = join(folder, "manifests");
const log = createLogger({ level: "fatal", destination: new Writable() });
let zone: ZoneServer;
let cluster: FolderCluster;
let operator: Operator;

async function up(): Promise<void> {
  const state = join(folder, "state");
  cluster = await openFolder({ manifests, state, clock: systemClock, log, timing: { settle: 20, rescan: 200 } });
  operator = startOperator({
    cluster,
    resolver: dnsClient({ servers: [parseEndpoint(zone.address, 53)], timeout: 1000, clock: systemClock }),
    usage: { usage: () => Promise.resolve(new Map()) },
    clock: systemClock,
    log,
    random: Math.random,
    settings: {
      contractNamespace,
      plans: { Pro: { maxCredits: 1_000_000, namespaces: ["*"] } },
      spfInclude: "_spf.relay.example",
      dns: { activationDelay: 0, checkInterval: 100, missingInterval: 50, missingIntervalMax: 100 },
      submission: { host: "relay.example", port: 587, implicitTls: false },
      orphanGrace: 300,
    },
  });
}

async function down(): Promise<void> {
  await operator.stop();
  await cluster.close();
}

beforeAll(async () => {
  cpSync(new URL("../../docs/examples/quickstart", import.meta.url), manifests, { recursive: true });
  zone = await startZoneServer({ zones: ["example", "shop.example"].map((name) => ({ name, ttl: 1, minimum: 1 })) });
  await up();
});
afterAll(async () => {
  await down();
  await zone.close();
  rmSync(folder, { recursive: true });
});

const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 10_000, interval: 20 });
const domain = () =>
  cluster.get({ kind: "SendingDomain", namespace: "team-shop", name: "shop-example" })?.status as
    | SendingDomainStatus
    | undefined;
const tenant = () =>
  cluster.get({ kind: "RelayTenant", namespace: "team-shop", name: "shop" })?.status as RelayTenantStatus | undefined;
const secret = (name: string, namespace = contractNamespace) =>
  cluster.get<"Secret">({ kind: "Secret", namespace, name });
const objects = () => [...cluster.list("Secret"), ...cluster.list("ConfigMap")];
const ready = (status: SendingDomainStatus | RelayTenantStatus | undefined, type = "Ready") =>
  status?.conditions?.find((condition) => condition.type === type)?.status;
const hold = () => {
  const decoded = decodeDomainContract(secret(domainContractName("shop.example"))?.data ?? {});
  return "value" in decoded ? decoded.value : undefined;
};
const contract = () => {
  const decoded = decodeTenantContract(secret(tenantContractName("team-shop", "shop"))?.data ?? {});
  return "value" in decoded ? decoded.value : undefined;
};

test("the quickstart is Ready at once, and reports what to publish", async () => {
  await until(() => expect([ready(domain()), ready(tenant())]).toEqual(["True", "True"]));
  await until(() => expect(domain()?.records?.map(({ verdict }) => verdict)).toEqual(Array(4).fill("Missing")));
  expect(secret("shop-production-web", "team-shop")?.data["SMTP_HOST"]).toBe("relay.example");
  expect(hold()).toBeUndefined();
});

test("published records prove the domain and activate its keys within seconds", async () => {
  for (const { fqdn, value } of domain()?.records ?? [])
    zone.publish({ name: fqdn, type: "TXT", value: characterStrings(value) });
  await until(() => expect(hold()?.keys).toHaveLength(2));
  await until(() => expect(ready(domain(), "DNSVerified")).toBe("True"));
  for (const { secretName } of hold()?.keys ?? [])
    expect(decodePrivateKey(secret(secretName)?.data ?? {})).toHaveProperty("value");
});

test("a restart keeps every object as it is", async () => {
  await until(() => expect(contract()?.unproven).toEqual([]));
  const before = objects();
  await down();
  await up();
  await until(() => expect(ready(domain(), "DNSVerified")).toBe("True"));
  expect(objects()).toEqual(before);
});

test("a manifest that breaks takes nothing away, one that goes ends the mail after its time", async () => {
  const file = join(manifests, "tenant.yaml");
  writeFileSync(file, "kind: [");
  await until(() => expect(cluster.problems()).not.toEqual([]));
  expect(contract()?.environments.flatMap(({ credentials }) => credentials)).toHaveLength(3);
  rmSync(file);
  await until(() => expect(contract()).toBeUndefined());
  expect(secret("shop-production-web", "team-shop")).toBeDefined();
});
