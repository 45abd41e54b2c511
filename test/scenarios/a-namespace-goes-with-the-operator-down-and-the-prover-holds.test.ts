import { afterEach, beforeEach, expect, test } from "vitest";
import { annotations, domainContractName, tenantContractName } from "../../contract/names.ts";
import { becomes, deliveringTenant, has, keysOf, make } from "../harness/custom-resources.ts";
import { operatorRelease, startOperatorProcess, type OperatorProcess } from "../harness/operator-process.ts";
import { until } from "../harness/until.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";
import { startZoneServer, type ZoneServer } from "../harness/zone-server.ts";

/** In ms: a loaded machine takes its time. */
const patience = 120_000;
const plane = withControlPlane({ crds: true });
const domain = "claimed.example";
let zone: ZoneServer;
let release: { readonly namespace: string; readonly kubeconfig: string };
let operator: OperatorProcess;

beforeEach(async () => {
  zone = await startZoneServer({ zones: [{ name: domain, ttl: 1, minimum: 1 }] });
  release = await operatorRelease(plane());
  operator = await start();
}, patience);

afterEach(async () => {
  operator.signal("SIGKILL");
  await operator.ended();
  await zone.close();
});

function start(args: readonly string[] = []): Promise<OperatorProcess> {
  const servers = { resolvers: [zone.address], authorities: [{ zone: domain, servers: [zone.address] }] };
  const pace = { activationDelay: "0s", checkInterval: "2s", missingInterval: "1s", missingIntervalMax: "2s" };
  return startOperatorProcess(plane(), release, { hostname: "relay.example", dns: { ...servers, ...pace } }, args);
}

interface Listed {
  readonly items: readonly {
    readonly metadata: {
      readonly name: string;
      readonly finalizers?: readonly string[];
      readonly resourceVersion: string;
    };
  }[];
}

const list = async (path: string): Promise<Listed["items"]> => ((await plane().ask({ path })).body as Listed).items;

/** Whose contract of a domain stands, and which object it is. */
async function holdOf(name: string): Promise<string> {
  const path = `/api/v1/namespaces/${release.namespace}/secrets/${domainContractName(name)}`;
  const { metadata } = (await plane().ask({ path })).body as {
    metadata: { uid: string; annotations: Readonly<Record<string, string>> };
  };
  return `${metadata.annotations[annotations.owner] ?? "nobody"} ${metadata.uid}`;
}

/** Makes a tenant and its claim of the domain in a namespace of their own; resolves to the namespace when it is reported. */
async function claim(selectorPrefix: string) {
  const namespace = await plane().namespace();
  await make(plane(), `relaytenants/${namespace}/shop`, deliveringTenant);
  const spec = { domain, tenantRef: { name: "shop" }, dkim: { selectorPrefix } };
  const place = `sendingdomains/${namespace}/claim` as const;
  await make(plane(), place, spec);
  const become = (isSo: Parameters<typeof becomes>[2]) => becomes(plane(), place, isSo, operator.output);
  const { records = [] } = await become((status) => status.records !== undefined);
  const keys = records.filter(({ purpose }) => purpose === "DKIM");
  const publish = (): void =>
    zone.publish(...keys.map(({ fqdn, value }) => ({ name: fqdn, type: "TXT" as const, value })));
  return { namespace, become, publish };
}

test(
  "a namespace is gone in seconds, keys and contracts stay, and contracts go after a grace",
  { timeout: 3 * patience },
  async () => {
    const { namespace, become, publish } = await claim("s");
    publish();
    await become(has("OwnershipProven", "True/RecordSeen"));
    await becomes(plane(), `relaytenants/${namespace}/shop`, has("Ready", "True/Reconciled"), operator.output);
    const inside = [
      `/apis/posthouse.dev/v1alpha1/namespaces/${namespace}/relaytenants`,
      `/apis/posthouse.dev/v1alpha1/namespaces/${namespace}/sendingdomains`,
      `/api/v1/namespaces/${namespace}/secrets`,
    ];
    for (const path of inside) {
      const objects = await list(path);
      expect(objects.length).toBeGreaterThan(0);
      expect(objects.flatMap(({ metadata }) => metadata.finalizers ?? [])).toEqual([]);
    }

    operator.signal("SIGKILL");
    await operator.ended();
    const contracts = `/api/v1/namespaces/${release.namespace}/secrets`;
    const before = await list(contracts);
    const keys = await keysOf(plane(), release.namespace);
    const began = Date.now();
    await plane().ask({ method: "DELETE", path: `/api/v1/namespaces/${namespace}` });
    const gone = async (): Promise<true | undefined> =>
      (await plane().ask({ path: `/api/v1/namespaces/${namespace}` })).code === 404 || undefined;
    await until("the namespace is gone", gone, patience);
    // The namespace controller looks again after some five seconds; the rest is for a loaded machine.
    expect(Date.now() - began).toBeLessThan(40_000);
    for (const path of inside) expect(await list(path)).toEqual([]);
    // Keys and contracts outlive it, for the relays and for who makes the claim anew.
    expect(await list(contracts)).toEqual(before);
    expect(before.map(({ metadata }) => metadata.name)).toContain(domainContractName(domain));

    // Who was killed holds the Lease for a while; it is alone.
    operator = await start(["--no-leader-election", "--orphan-grace", "6s"]);
    await operator.ready("leading");
    const noticed = Date.now();
    const left = async (): Promise<readonly string[]> => (await list(contracts)).map(({ metadata }) => metadata.name);
    const areGone = async (): Promise<true | undefined> => {
      const names = await left();
      return (
        [domainContractName(domain), tenantContractName(namespace, "shop")].every((name) => !names.includes(name)) ||
        undefined
      );
    };
    await until(`the contracts are gone: ${operator.output()}`, areGone, patience);
    expect(Date.now() - noticed).toBeGreaterThan(3000);
    expect(await keysOf(plane(), release.namespace)).toEqual(keys);
    expect(keys).toHaveLength(2);
  },
);

test("a domain that two namespaces claim is the prover's", { timeout: 3 * patience }, async () => {
  const first = await claim("first");
  const prover = await claim("prover");
  prover.publish();
  await prover.become(has("OwnershipProven", "True/RecordSeen"));
  const hold = await holdOf(domain);
  expect(hold).toContain(`${prover.namespace}/claim`);
  await first.become(has("OwnershipProven", "False/RecordNotSeen"));
  first.publish();
  await first.become(has("OwnershipProven", "False/DomainTaken"));
  const refused = await first.become(has("Stalled", "True/DomainTaken"));
  expect(JSON.stringify(refused)).not.toContain(prover.namespace);
  // The status alone could be that of before.
  expect(await holdOf(domain)).toBe(hold);
  const holds = await prover.become(has("OwnershipProven", "True/RecordSeen"));
  expect(holds.conditions?.map(({ type }) => type)).not.toContain("Stalled");
});
