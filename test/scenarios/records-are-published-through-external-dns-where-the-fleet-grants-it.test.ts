import { afterEach, expect, test } from "vitest";
import type { DnsEndpoint } from "../../cluster/object.ts";
import { becomes, deliveringTenant, has, make } from "../harness/custom-resources.ts";
import { dnsEndpointCrd } from "../harness/dns-endpoint-crd.ts";
import { operatorRelease, startOperatorProcess, type OperatorProcess } from "../harness/operator-process.ts";
import { until } from "../harness/until.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";

const patience = 180_000;
const plane = withControlPlane({ crds: true });
let operator: OperatorProcess | undefined;
afterEach(async () => {
  operator?.signal("SIGKILL");
  await operator?.ended();
});

/** Nobody answers there: what is published does not depend on it. */
const fleet = {
  hostname: "relay.example",
  dns: { mode: "Resolvers", resolvers: ["127.0.0.1:1"], missingInterval: "1h", missingIntervalMax: "1h" },
};

interface Published {
  readonly metadata: { readonly labels: Record<string, string>; readonly annotations: Record<string, string> };
  readonly spec: { readonly endpoints: readonly DnsEndpoint[] };
}

test("once the cluster knows DNSEndpoints, and as long as the spec asks for it", { timeout: 600_000 }, async () => {
  const team = await plane().namespace();
  const dnsAutomation = [{ zones: ["shop.example"], namespaces: [team] }];
  const release = await operatorRelease(plane(), { dnsAutomation });
  operator = await startOperatorProcess(plane(), release, { ...fleet, dnsAutomation });
  const { output } = operator;
  await make(plane(), `relaytenants/${team}/shop`, deliveringTenant);
  const claim = { tenantRef: { name: "shop" }, dns: { publish: "ExternalDNS" } };
  await make(plane(), `sendingdomains/${team}/shop`, { ...claim, domain: "mail.shop.example" });
  await make(plane(), `sendingdomains/${team}/other`, { ...claim, domain: "other.example" });
  await becomes(plane(), `sendingdomains/${team}/other`, has("Stalled", "True/DNSAutomationNotAllowed"), output);
  await becomes(plane(), `sendingdomains/${team}/shop`, has("Reconciling", "True/ExternalDNSNotFound"), output);

  const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  expect((await plane().ask({ method: "POST", path: crds, body: dnsEndpointCrd })).code).toBe(201);
  const place = `/apis/externaldns.k8s.io/v1alpha1/namespaces/${team}/dnsendpoints`;
  const published = async (): Promise<Published | undefined> => {
    const { code, body } = await plane().ask({ path: `${place}/shop-dns` });
    return code === 200 ? (body as Published) : undefined;
  };
  const { metadata, spec } = await until(`records are published:\n${output()}`, published, patience);
  expect(metadata.annotations).toEqual({ "posthouse.dev/owner": `${team}/shop` });
  expect(spec.endpoints.map(({ dnsName }) => dnsName.replace(/\d{4}q\d/, ""))).toEqual([
    "s-ed._domainkey.mail.shop.example",
    "s._domainkey.mail.shop.example",
  ]);
  expect(spec.endpoints[1]?.targets).toEqual([expect.stringMatching(/^"v=DKIM1;[^"]{247}" "[^"]+"$/)]);
  await becomes(plane(), `sendingdomains/${team}/shop`, has("Ready", "True/Reconciled"), output);
  expect((await plane().ask({ path: place })).body).toMatchObject({ items: [{}] });

  const patch = (path: string, body: object) =>
    plane().ask({ method: "PATCH", path, body, contentType: "application/merge-patch+json" });
  // What users add is theirs; what they change of the records is put right.
  const edit = { metadata: { labels: { dns: "internal" } }, spec: { endpoints: [] } };
  expect((await patch(`${place}/shop-dns`, edit)).code).toBe(200);
  const mended = async (): Promise<Published | undefined> => {
    const now = await published();
    return now?.spec.endpoints.length === 2 ? now : undefined;
  };
  expect((await until("records are put right", mended, patience)).metadata.labels["dns"]).toBe("internal");

  const own = `/apis/posthouse.dev/v1alpha1/namespaces/${team}/sendingdomains/shop`;
  expect((await patch(own, { spec: { dns: { publish: "Report" } } })).code).toBe(200);
  await until("records are taken back", async () => ((await published()) === undefined ? true : undefined), patience);
});
