import { describe, expect, test } from "vitest";
import type { RecordStatus } from "../../crds/sending-domain.ts";
import { createMemoryCluster } from "../../test/harness/memory-cluster.ts";
import { noEvidence, type DomainEvidence, type NameEvidence } from "./evidence.ts";
import {
  endpointsFor,
  isGranted,
  observeEndpoint,
  publishingActions,
  publishingProblems,
  type ObservedPublishing,
} from "./dns-endpoint.ts";

const grants = [
  { zones: ["shop.example", "other.example"], namespaces: ["team-shop", "web-*"] },
  { zones: ["example.net"], namespaces: ["*"] },
];

describe("a grant", () => {
  const cases: readonly [namespace: string, domain: string, granted: boolean][] = [
    ["team-shop", "shop.example", true],
    ["team-shop", "mail.shop.example", true],
    ["web-eu", "other.example", true],
    ["team-shop", "bookshop.example", false],
    ["team-shop", "example", false],
    ["team-other", "shop.example", false],
    ["team-other", "a.example.net", true],
    ["web", "shop.example", false],
  ];
  test.each(cases)("to %s of %s: %s", (namespace, domain, granted) => {
    expect(isGranted(grants, namespace, domain)).toBe(granted);
    expect(isGranted([], namespace, domain)).toBe(false);
  });
});

const record = (more: Partial<RecordStatus>): RecordStatus => ({
  purpose: "DKIM",
  type: "TXT",
  fqdn: "s1._domainkey.shop.example",
  name: "s1._domainkey",
  value: "v=DKIM1; p=abc",
  verdict: "Missing",
  verdictSince: "2026-11-01T00:00:00Z",
  ...more,
});
const spf = (verdict: RecordStatus["verdict"]) =>
  record({ purpose: "SPF", fqdn: "shop.example", value: "v=spf1 include:_spf.relay.example ~all", verdict });
const dmarc = record({ purpose: "DMARC", fqdn: "_dmarc.shop.example", value: "v=DMARC1; p=none" });
const evidenceOf = (answers: Record<string, NameEvidence["answer"]>): DomainEvidence => ({
  ...noEvidence,
  names: new Map(
    Object.entries(answers).map(([name, answer]) => [
      name,
      {
        checkedAt: 0,
        failures: 0,
        ...(answer && { answer }),
        since: 0,
        shownFor: 0,
        confirmedAt: 0,
        ttl: 0,
        negativeTtl: 0,
      },
    ]),
  ),
});
const nothing = { kind: "NXDomain" } as NameEvidence["answer"];
const another = {
  kind: "Records",
  values: [["google-site-verification=x"]],
  ttl: 1,
} as unknown as NameEvidence["answer"];
const published = (...names: string[]) => ({
  kind: "Ours" as const,
  endpoints: names.map((dnsName) => ({ dnsName, recordType: "TXT", targets: ["x"] })),
  resourceVersion: "1",
  uid: "u",
});
const absent = { kind: "Absent" } as const;

const names = (...given: Parameters<typeof endpointsFor>) => endpointsFor(...given).map(({ dnsName }) => dnsName);
const dkim = "s1._domainkey.shop.example";

describe("what is published", () => {
  test("DKIM always, whatever DNS shows; SPF and DMARC only where nothing stands", () => {
    const records = [record({ verdict: "Mismatch" }), spf("Missing"), dmarc];
    expect(names(records, noEvidence, absent)).toEqual([dkim]);
    const empty = evidenceOf({ "shop.example": nothing, "_dmarc.shop.example": nothing });
    expect(names(records, empty, absent)).toEqual(["_dmarc.shop.example", dkim, "shop.example"]);
    const taken = evidenceOf({ "shop.example": another, "_dmarc.shop.example": nothing });
    expect(names(records, taken, absent)).toEqual(["_dmarc.shop.example", dkim]);
  });

  test("what was published stays when it is seen, and goes when another's must be merged", () => {
    const shown = evidenceOf({ "shop.example": another });
    for (const verdict of ["Valid", "Unknown", "Mismatch"] as const)
      expect(names([spf(verdict)], shown, published("shop.example"))).toEqual(["shop.example"]);
    expect(names([spf("NeedsMerge")], shown, published("shop.example"))).toEqual([]);
    expect(names([spf("Valid")], shown, absent)).toEqual([]);
  });

  test("never what another domain's owner publishes", () => {
    const report = record({
      purpose: "DMARCReport",
      fqdn: "shop.example._report._dmarc.b.example",
      publishIn: "b.example",
    });
    expect(endpointsFor([report], evidenceOf({ [report.fqdn]: nothing }), absent)).toEqual([]);
  });

  test("a long value in quoted strings of 255 octets, a short one as it is", () => {
    const value = `v=DKIM1; p=${"k".repeat(400)}`;
    const [long] = endpointsFor([record({ value })], noEvidence, absent);
    expect(long?.targets).toEqual([`"${value.slice(0, 255)}" "${value.slice(255)}"`]);
    const [short] = endpointsFor([record({})], noEvidence, absent);
    expect(short).toEqual({ dnsName: dkim, recordType: "TXT", targets: ["v=DKIM1; p=abc"] });
  });
});

const place = { namespace: "team-shop", name: "shop", domain: "shop.example" };
const wanted = [{ dnsName: "a.shop.example", recordType: "TXT", targets: ["x"] }];
const seen = (more: Partial<ObservedPublishing> = {}): ObservedPublishing => ({
  isGranted: true,
  isServed: true,
  standing: absent,
  ...more,
});

const reasons = (given: ObservedPublishing) =>
  publishingProblems(place, given).map(({ kind, reason }) => `${kind} ${reason}`);

test("what stands in the way is said, one thing at a time", () => {
  expect(reasons(seen())).toEqual([]);
  expect(reasons(seen({ isGranted: false, isServed: false }))).toEqual(["Stalled DNSAutomationNotAllowed"]);
  expect(reasons(seen({ isServed: false }))).toEqual(["Waiting ExternalDNSNotFound"]);
  expect(reasons(seen({ standing: { kind: "Foreign" } }))).toEqual(["Stalled DNSEndpointNotOwned"]);
});

test("an object of ours is made, kept, changed and taken back; another's is never touched", async () => {
  const cluster = createMemoryCluster();
  const look = () => seen({ standing: observeEndpoint(cluster, place) });
  const kinds = (endpoints = wanted, given = look()) => publishingActions(place, endpoints, given);
  expect(kinds(wanted, seen({ isServed: false }))).toEqual([]);
  const [made] = kinds();
  if (made?.kind !== "publish") throw new Error("nothing is published");
  expect(made.object).toMatchObject({
    apiVersion: "externaldns.k8s.io/v1alpha1",
    metadata: { namespace: "team-shop", name: "shop-dns", labels: { "app.kubernetes.io/managed-by": "posthouse" } },
    spec: { endpoints: wanted },
  });
  await cluster.apply(made.object);
  expect(kinds()).toEqual([]);
  expect(kinds([...wanted, ...wanted]).map(({ kind }) => kind)).toEqual(["publish"]);
  expect(kinds([]).map(({ kind }) => kind)).toEqual(["delete"]);
  cluster.put({ ...made.object, metadata: { namespace: "team-shop", name: "shop-dns" } });
  expect(look().standing).toEqual({ kind: "Foreign" });
  expect([kinds(), kinds([])]).toEqual([[], []]);
});
