import fc from "fast-check";
import type { ClusterObject, SecretObject } from "../../cluster/object.ts";
import {
  credentialRecordName,
  domainContractName,
  handOverName,
  keyHistoryName,
  keySecretName,
  tenantContractName,
} from "../../contract/names.ts";
import type { RelayTenantSpec } from "../../crds/relay-tenant.ts";
import type { SendingDomainSpec } from "../../crds/sending-domain.ts";
import { contractNamespace, type DnsLie, type LawEvent, type OfferedKey, type OfferedLogin } from "./law-world.ts";
import { printStory } from "./law-printer.ts";

const label = fc.constantFrom("x", "y", "constructor");
/** Specs of RelayTenants, as the CRD admits them. A field that enters the API enters here. */
export const tenantSpecs: fc.Arbitrary<RelayTenantSpec> = fc.record({
  allowance: fc.record({
    plan: fc.constantFrom("Starter", "Pro", "Scale", "None", "constructor"),
    standing: fc.constantFrom("Normal", "Suspended"),
    credits: fc.oneof(
      fc.constant({ type: "Unlimited" as const }),
      fc.record({
        type: fc.constant("Recurring" as const),
        amount: fc.nat(200),
        reset: fc.constantFrom("Daily", "Weekly", "Monthly"),
      }),
      fc.record({ type: fc.constant("OneTime" as const), amount: fc.nat(200) }),
    ),
    topUps: fc.uniqueArray(
      fc.record(
        {
          name: label,
          amount: fc.integer({ min: 1, max: 50 }),
          expiresAt: fc.constantFrom("2027-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "never"),
        },
        { requiredKeys: ["name", "amount"] },
      ),
      { selector: ({ name }) => name, maxLength: 3 },
    ),
  }),
  sending: fc.constantFrom("Enabled", "Disabled"),
  environments: fc.uniqueArray(
    fc.record(
      {
        name: label,
        mode: fc.constantFrom("Disabled", "Deliver", "Capture"),
        domains: fc.constant(["one.example", "two.example"]),
        credentials: fc.uniqueArray(
          fc.record(
            {
              name: label,
              secretName: fc.constantFrom("s1", "s2", "s3", "s4"),
              allowedSources: fc.constant(["10.0.0.0/8"]),
              rotation: fc.record(
                {
                  schedule: fc.constantFrom("Manual", "Interval"),
                  every: fc.constantFrom("1h", "24h"),
                  overlap: fc.constantFrom("0s", "1h"),
                  oldKeys: fc.constantFrom("KeepWhileUsed", "Revoke"),
                },
                { requiredKeys: ["schedule", "overlap", "oldKeys"] },
              ),
            },
            { requiredKeys: ["name", "secretName", "rotation"] },
          ),
          { selector: ({ name }) => name, maxLength: 2 },
        ),
      },
      { requiredKeys: ["name", "mode", "credentials"] },
    ),
    { selector: ({ name }) => name, maxLength: 3 },
  ),
  revokedKeyIds: fc.constantFrom([], ["aaaaaaaaaaaa"]),
  delivery: fc.constantFrom<RelayTenantSpec["delivery"]>(
    { route: "Direct", tlsPolicy: "Required" },
    {
      route: "Smarthost",
      tlsPolicy: "Opportunistic",
      smarthosts: [{ name: "up", priority: 10, host: "smtp.example.org", port: 587, security: "StartTLS" }],
    },
    {
      route: "Smarthost",
      tlsPolicy: "Opportunistic",
      smarthosts: ["upstream", "s1"].map((name) => ({
        name,
        priority: 10,
        host: "smtp.example.org",
        port: 587,
        security: "StartTLS",
        secretRef: { name },
      })),
    },
  ),
});
/** Specs of SendingDomains, as the CRD admits them. */
export const domainSpecs: fc.Arbitrary<SendingDomainSpec> = fc.record({
  domain: fc.constantFrom("one.example", "two.example", `${"l".repeat(60)}.${`${"m".repeat(62)}.`.repeat(3)}ab`),
  tenantRef: fc.record({ name: fc.constantFrom("shop", "absent") }),
  deletionPolicy: fc.constantFrom("Retain", "Delete"),
  dkim: fc.record(
    {
      algorithms: fc.constantFrom<SendingDomainSpec["dkim"]["algorithms"]>(
        ["RSA2048"],
        ["RSA2048", "Ed25519"],
        ["Ed25519", "RSA2048"],
      ),
      selectorPrefix: fc.constantFrom("s", "t"),
      rotation: fc.constantFrom<SendingDomainSpec["dkim"]["rotation"]>(
        { schedule: "Manual", overlap: "240h", retention: "720h" },
        { schedule: "Quarterly", overlap: "1h", retention: "48h" },
        { schedule: "Interval", every: "168h", overlap: "240h", retention: "720h" },
      ),
      revokedSelectors: fc.subarray(["s2026q4", "s2026q4-ed", "nobody", "legacy"]),
      import: fc.record({
        selector: fc.constantFrom("legacy", "legacy", "legacy2", "one"),
        secretRef: fc.record({ name: fc.constantFrom("old-key", "s1") }),
      }),
    },
    { requiredKeys: ["algorithms", "selectorPrefix", "rotation", "revokedSelectors"] },
  ),
  spf: fc.record({ qualifier: fc.constantFrom("Fail", "SoftFail", "Neutral") }),
  dmarc: fc.record(
    {
      policy: fc.constantFrom("None", "Quarantine", "Reject"),
      testing: fc.constantFrom("Enabled", "Disabled"),
      rua: fc.constant(["mailto:dmarc@example.com"]),
    },
    { requiredKeys: ["policy", "testing"] },
  ),
});

const claim = { namespace: "a", name: "one", domain: "one.example" };
const foreign = (namespace: string, name: string, data: Record<string, string>): SecretObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { namespace, name },
  type: "Opaque",
  data,
});
/** What others may have put where Posthouse wants to write. */
export const obstacles: readonly ClusterObject[] = [
  foreign("a", "s1", { password: "mine" }),
  foreign("b", "s2", {}),
  foreign(contractNamespace, domainContractName("two.example"), { contract: "{}" }),
  foreign(contractNamespace, keySecretName(claim, "s2026q4"), { domain: "other" }),
  foreign(contractNamespace, tenantContractName("b", "shop"), { contract: "{}" }),
  ...["x", "y"].map((environment) =>
    foreign(
      contractNamespace,
      credentialRecordName({ namespace: "a", tenant: "shop", environment, credential: "x" }, 1),
      { id: "other" },
    ),
  ),
  {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "b", name: handOverName("two") },
    data: { text: "mine" },
  },
  {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: contractNamespace, name: keyHistoryName(claim) },
    data: { history: "no" },
  },
];

const namespace = fc.constantFrom("a", "b");
const selectors = ["s2026q4", "s2026q4-ed", "s2026q4-2", "t2026q4", "t2026q4-ed", "s2027q1", "legacy", "one", "_dmarc"];
const second = 1000;
const hour = 3600 * second;

/** What may happen between two looks. Another kind of event is another member here and a case in `happen`. */
const events: fc.Arbitrary<LawEvent> = fc.oneof(
  fc.record({ kind: fc.constant("tenant" as const), namespace, spec: fc.option(tenantSpecs, { nil: undefined }) }),
  fc.record({
    kind: fc.constant("domain" as const),
    namespace,
    name: fc.constantFrom("one", "two"),
    spec: fc.option(domainSpecs, { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant("offer" as const),
    namespace,
    key: fc.constantFrom<OfferedKey>("RSA", "OtherRSA", "Ed25519", "Nonsense", "Unlabelled", "None"),
  }),
  fc.record({
    kind: fc.constant("login" as const),
    namespace,
    login: fc.constantFrom<OfferedLogin>("One", "Other", "Broken", "Unlabelled", "None"),
  }),
  fc.record({ kind: fc.constant("revoke" as const), namespace, which: fc.nat(10) }),
  fc.record({ kind: fc.constantFrom("lose" as const, "alter" as const), which: fc.nat(30) }),
  fc.record({
    kind: fc.constant("dns" as const),
    shown: fc.subarray(selectors),
    lie: fc.constantFrom<DnsLie>("None", "None", "Failed", "Foreign", "Twice"),
  }),
  fc.record({ kind: fc.constant("wait" as const), time: fc.constantFrom(-5 * second, 1, 2 * second, hour, 24 * hour) }),
);

/** A world and what happens in it. */
export interface Story {
  /** Objects of somebody else that stand where Posthouse wants to write. */
  readonly there: readonly ClusterObject[];
  readonly events: readonly LawEvent[];
}

/** Stories with so many events at most; a counter-example of fast-check prints as sentences. */
export function stories(mostEvents: number): fc.Arbitrary<Story> {
  const story = fc.record({
    there: fc.subarray([...obstacles]),
    events: fc.array(events, { maxLength: mostEvents, size: "max" }),
  });
  return story.map((each) => Object.assign(each, { [fc.toStringMethod]: () => printStory(each) }));
}
