import { expect, test } from "vitest";
import type { SecretObject } from "../../cluster/object.ts";
import { hashSecret, issueApiKey } from "../../contract/api-key.ts";
import { labels } from "../../contract/names.ts";
import { createManualClock } from "../../test/harness/manual-clock.ts";
import { createMemoryCluster } from "../../test/harness/memory-cluster.ts";
import { applyAction } from "../apply.ts";
import { applicationSecret, inspectSecret } from "./application-secret.ts";

const submission = { host: "relay.example.net", port: 587, implicitTls: false };
const bytes = new Uint8Array(32).fill(7);
const target = (tenant: string) => ({
  credential: { namespace: "team", tenant, environment: "production", credential: "web" },
  secretName: "web",
});
const made = (tenant = "shop"): SecretObject =>
  applicationSecret(target(tenant), submission, issueApiKey("k".repeat(12), bytes));
const labelled = (more: Readonly<Record<string, string>>): SecretObject => {
  const secret = made();
  return { ...secret, metadata: { ...secret.metadata, labels: { ...secret.metadata.labels, ...more } } };
};

test.each<[string, SecretObject, boolean]>([
  ["as Posthouse makes it", made(), true],
  ["of another tenant of the namespace", made("other"), false],
  ["of another type", { ...made(), type: "Opaque" }, false],
  ["managed by another", labelled({ [labels.managedBy]: "helm" }), false],
  ["with the label of no tenant", labelled({ [labels.tenant]: "shop" }), false],
])("a Secret %s is ours: %s", (_, secret, owned) => {
  const observed = inspectSecret(secret, { namespace: "team", name: "shop" }, submission);
  expect(observed.owned).toBe(owned);
  expect(observed.sha256).toBe(owned ? hashSecret(bytes) : undefined);
  expect(JSON.stringify(observed)).not.toContain("ph_");
});

test("a key is not written over a Secret that changed since it was seen, and its record is taken back", async () => {
  const cluster = createMemoryCluster();
  cluster.put(made());
  const seen = cluster.all()[0]?.metadata.resourceVersion ?? "";
  cluster.put({ ...made(), data: { mine: "now" } });
  const issue = { kind: "issueCredential", namespace: "contracts", target: target("shop"), serial: 1 } as const;
  const clock = createManualClock(0);
  const unanswered = new Set<never>();
  const context = { cluster, clock, submission, unanswered, makeKeyPair: () => Promise.reject(new Error("unused")) };
  expect(await applyAction({ ...issue, replaces: seen }, context)).toBe("Again");
  expect(cluster.all().map(({ metadata }) => metadata.name)).toEqual(["web"]);
  expect(cluster.all()[0]).toMatchObject({ data: { mine: "now" } });
});
