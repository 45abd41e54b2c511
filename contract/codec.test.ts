import { expect, test } from "vitest";
import { decodeDomainContract, decodeTenantContract, encodeDomainContract, encodeTenantContract } from "./codec.ts";
import type { DomainContract } from "./domain-contract.ts";
import type { TenantContract } from "./tenant-contract.ts";

const key = { selector: "s2026q4", algorithm: "RSA2048", secretName: "dkim-0-s2026q4" } as const;

const tenant: TenantContract = {
  version: 1,
  namespace: "team-shop",
  name: "shop",
  sending: { state: "Active", reason: "Enabled" },
  environments: [
    {
      name: "production",
      mode: "Deliver",
      domains: ["example.com"],
      credentials: [
        { id: "abc012xyz789", name: "web", sha256: "0".repeat(64), allowedSources: ["10.0.0.0/8"], notAfter: 5 },
      ],
    },
  ],
  allowance: { credits: { type: "Recurring", amount: 5, reset: "Daily" }, topUps: [{ name: "a", amount: 1 }] },
  delivery: { route: "Direct", tlsPolicy: "Opportunistic", smarthosts: [] },
  unproven: [{ domain: "example.org", keys: [key] }],
};

const domain: DomainContract = {
  version: 1,
  domain: "example.com",
  claim: { namespace: "team-shop", name: "example-com" },
  tenant: "shop",
  keys: [key],
  provenAt: 1,
};

test("a contract is read as it was written", () => {
  expect(decodeTenantContract(encodeTenantContract(tenant))).toEqual({ value: tenant });
  expect(decodeDomainContract(encodeDomainContract(domain))).toEqual({ value: domain });
});

test("rates are read as they were written, and a contract from before them is read as well", () => {
  const [production] = tenant.environments;
  const environments = production === undefined ? [] : [{ ...production, rate: { perSecond: 2, perDay: 9 } }];
  const rated: TenantContract = {
    ...tenant,
    environments,
    rates: { tenant: { perSecond: 5 }, credential: { perDay: 1 } },
  };
  expect(decodeTenantContract(encodeTenantContract(rated))).toEqual({ value: rated });
  expect(decodeTenantContract(encodeTenantContract({ ...rated, rates: { tenant: { perSecond: 0 } } }))).toHaveProperty(
    "error",
  );
});

test("members of a later version are ignored", () => {
  const later = { contract: JSON.stringify({ ...domain, later: 1 }) };
  expect(decodeDomainContract(later)).toEqual({ value: { ...domain, later: 1 } });
});

test.each<[string, Record<string, string>, string]>([
  ["no data key", {}, 'the data key "contract" is missing'],
  ["no JSON", { contract: "{secret" }, "it is not JSON"],
  ["another version", { contract: JSON.stringify({ ...domain, version: 2 }) }, "/version"],
  ["a missing member", { contract: JSON.stringify({ ...domain, claim: undefined }) }, "claim"],
  ["a bad key", { contract: JSON.stringify({ ...domain, keys: [{ ...key, selector: "" }] }) }, "/keys/0/selector"],
])("says what is wrong with %s", (_, data, message) => {
  const decoded = decodeDomainContract(data);
  expect("error" in decoded && decoded.error).toContain(message);
});

test("a tenant contract is no domain contract", () => {
  expect(decodeTenantContract(encodeDomainContract(domain))).toHaveProperty("error");
});
