import { expect, test } from "vitest";
import {
  claimHash,
  credentialRecordName,
  domainContractName,
  keyHistoryName,
  keySecretName,
  tenantContractName,
  tenantHash,
} from "./names.ts";

const claim = { namespace: "team-shop", name: "example-com", domain: "example.com" };
const credential = { namespace: "team-shop", tenant: "shop", environment: "production", credential: "web" };

test("names never change: what was written under them is found by them", () => {
  expect([
    tenantContractName("team-shop", "shop"),
    domainContractName("example.com"),
    keySecretName(claim, "s2026q4-ed"),
    keyHistoryName(claim),
    credentialRecordName(credential, 1),
  ]).toMatchInlineSnapshot(`
    [
      "tenant-807061d7d0215eba4f67b5019cf84258",
      "domain-a379a6f6eeafb9a55e378c118034e275",
      "dkim-395be7fe7b9cff2071a8a0a3dc4bbeff-s2026q4-ed",
      "keys-395be7fe7b9cff2071a8a0a3dc4bbeff",
      "credential-cea704a94c43e9b585e756df2622828a-1",
    ]
  `);
});

test("a claim is its namespace, name and domain", () => {
  const others = [
    { ...claim, namespace: "team-other" },
    { ...claim, name: "other" },
    { ...claim, domain: "example.org" },
  ];
  expect(new Set([claim, ...others].map(claimHash)).size).toBe(4);
});

test("names and label values fit what Kubernetes allows", () => {
  const long = { namespace: "n".repeat(63), name: "m".repeat(253), domain: "d".repeat(253) };
  const names = [
    keySecretName(long, `${"p".repeat(20)}2026q4-99-ed`),
    tenantContractName(long.namespace, long.name),
    credentialRecordName({ ...credential, tenant: long.name }, 1_000_000),
  ];
  for (const name of names) expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])$/);
  expect(tenantHash("a", "b").length).toBeLessThanOrEqual(63);
});
