import { expect, test } from "vitest";
import type { ContractKey, TenantContract } from "../../contract/tenant-contract.ts";
import { domains, shop } from "../../test/harness/submission.ts";
import { buildDirectory } from "../directory.ts";
import { signingIdentity } from "./signing-keys.ts";

const key: ContractKey = { selector: "s1", algorithm: "RSA2048", secretName: "dkim-1" };
const held = (domain: string, namespace: string, tenant: string) => ({
  ...domains[0]!,
  domain,
  claim: { namespace, name: "claim" },
  tenant,
  keys: [key],
});
const shared = { domain: "shop.team-shop.mail.example", signedBy: "mail.example", namespace: "platform" };
const directory = buildDirectory(
  [],
  [
    held("shop.example", "team-shop", "shop"),
    held("bank.example", "team-bank", "bank"),
    held("mail.example", "platform", "p"),
  ],
);
const soon: TenantContract = { ...shop, shared, unproven: [{ domain: "soon.example", keys: [key] }] };

test.each<[string, string, TenantContract, boolean, string, number]>([
  ["its own domain", "shop.example", soon, false, "shop.example", 1],
  ["another's", "bank.example", soon, false, "bank.example", 0],
  ["an unproven one", "soon.example", soon, false, "soon.example", 0],
  ["an unproven one, captured", "soon.example", soon, true, "soon.example", 1],
  ["its name below the shared domain", shared.domain, soon, false, "mail.example", 1],
  ["its name, whatever its plan is now", shared.domain, { ...soon, domains: "Shared" }, false, "mail.example", 1],
  ["its name, captured", shared.domain, soon, true, "mail.example", 1],
  ["another's name", "bank.team-bank.mail.example", soon, false, "bank.team-bank.mail.example", 0],
  ["the shared domain itself", "mail.example", soon, false, "mail.example", 0],
  ["its name where the fleet shares nothing", shared.domain, shop, false, shared.domain, 0],
  [
    "its name, another holds the shared domain",
    shared.domain,
    { ...soon, shared: { ...shared, namespace: "x" } },
    false,
    "mail.example",
    0,
  ],
])("a message from %s", (...[, fromDomain, tenant, isCapture, domain, keys]) => {
  const found = signingIdentity(directory, tenant, { fromDomain }, isCapture);
  expect([found.domain, found.keys.length]).toEqual([domain, keys]);
});
