import { expect, test } from "vitest";
import { tenantContractName } from "../../contract/names.ts";
import { planGoneTenant } from "./plan.ts";
import {
  environment,
  production,
  type Given,
  planOf,
  words,
  contractOf,
  issued,
} from "../../test/harness/planned-tenant.ts";

const starter = { maxCredits: 1000, namespaces: ["*"], features: { ownDomains: false } };
const shared = (domain: string) => ({ domain, namespace: "mail-platform" });

test("the fleet's shared domain stands in the contract, and in the status of who can send as nothing else", () => {
  const given = { sharedDomain: shared("mail.example.net") };
  const name = { domain: "shop.team-shop.mail.example.net", signedBy: "mail.example.net", namespace: "mail-platform" };
  expect(contractOf({ ...given, plan: starter })).toMatchObject({ domains: "Shared", shared: name });
  expect(contractOf(given)).toMatchObject({ domains: "Own", shared: name });
  expect(contractOf({ plan: starter })).not.toHaveProperty("shared");
  expect(planOf({ ...given, plan: starter }).status?.sending?.domain).toBe(name.domain);
  expect(planOf(given).status?.sending).not.toHaveProperty("domain");
});

test("what the status says of sending and of SendingAllowed is one", () => {
  const given = { plan: starter, sharedDomain: shared("mail.example.net"), ...issued };
  const { status } = planOf({ ...given, sharedState: "NotProven" });
  expect(status?.sending).toMatchObject({ state: "Disabled", reason: "SharedDomainNotProven" });
  const found = Object.fromEntries((status?.conditions ?? []).map((each) => [each.type, each]));
  expect(found["SendingAllowed"]).toMatchObject({ status: "False", reason: "SharedDomainNotProven" });
  // It waits for a zone, which Ready never does.
  expect(found["Ready"]?.status).toBe("True");
});

test("relays see for themselves how the shared domain stands: the contract does not change with it", () => {
  const given = { plan: starter, sharedDomain: shared("mail.example.net") };
  expect(contractOf({ ...given, sharedState: "NotProven" })).toEqual(contractOf({ ...given, sharedState: "Signs" }));
});

test("without a shared domain a tenant that needs one is Stalled, and is told what the platform must set", () => {
  const { status } = planOf({ plan: starter, ...issued });
  const stalled = status?.conditions?.find(({ type }) => type === "Stalled");
  expect(stalled?.reason).toBe("NoSharedDomain");
  expect(stalled?.message).toMatch(
    /have the platform team set sharedDomain \(domain and namespace\) in the fleet file/,
  );
  expect(status?.sending).toEqual({ state: "Disabled", reason: "NoSharedDomain" });
});

test("a suspended tenant is told so, and is not Stalled: there is nothing to wait for", () => {
  const { status } = planOf({ standing: "Suspended" });
  const conditions = Object.fromEntries((status?.conditions ?? []).map((each) => [each.type, each]));
  expect(conditions["SendingAllowed"]).toMatchObject({ status: "False", reason: "SuspendedByPlatform" });
  expect(conditions).not.toHaveProperty("Stalled");
});

test.each<[string, Given, string]>([
  ["as it is", {}, "Active/Enabled"],
  ["switched off", { sending: "Disabled" }, "Disabled/DisabledByTenant"],
  ["no such plan", { plan: undefined }, "Disabled/UnknownPlan"],
  ["no such plan, and switched off", { plan: undefined, sending: "Disabled" }, "Disabled/UnknownPlan"],
  ["another's plan", { plan: { maxCredits: 1000, namespaces: ["other"] } }, "Disabled/PlanNotAllowed"],
  ["over the cap", { plan: { maxCredits: 99, namespaces: ["*"] } }, "Disabled/CreditsOverPlan"],
  ["suspended", { standing: "Suspended" }, "Suspended/SuspendedByPlatform"],
  ["suspended, and switched off", { standing: "Suspended", sending: "Disabled" }, "Suspended/SuspendedByPlatform"],
  ["suspended, and no such plan", { standing: "Suspended", plan: undefined }, "Suspended/SuspendedByPlatform"],
  ["without own domains, and no shared one", { plan: starter }, "Disabled/NoSharedDomain"],
  ["without own domains", { plan: starter, sharedDomain: shared("mail.example.net") }, "Active/Enabled"],
  [
    "without own domains, and no room for the name",
    { plan: starter, sharedDomain: shared(`${"m.".repeat(120)}net`) },
    "Disabled/SharedNameTooLong",
  ],
])("sending: %s", (_, given, expected) => {
  const { state, reason } = contractOf(given).sending;
  expect(`${state}/${reason}`).toBe(expected);
});

test("rates stand in the contract, an environment's not above the plan's; to ask for more is Stalled, and mail goes on", () => {
  const rates = { tenant: { perSecond: 5 }, credential: { perDay: 100 } };
  const given: Given = {
    environments: [{ ...production, rate: { perSecond: 9, perDay: 50 } }, environment("staging")],
    plan: { maxCredits: 1000, namespaces: ["*"], rates },
  };
  const contract = contractOf(given);
  expect(contract.rates).toEqual(rates);
  expect(contract.environments.map(({ rate }) => rate)).toEqual([{ perSecond: 5, perDay: 50 }, undefined]);
  expect(contract.sending.state).toBe("Active");
  expect(planOf(given).status?.conditions).toContainEqual(
    expect.objectContaining({ type: "Stalled", status: "True", reason: "RateOverPlan" }),
  );
});

test("a tenant that is gone loses its contract and nothing else", () => {
  const gone = { contractNamespace: "posthouse-system", namespace: "team-shop", name: "shop" };
  const name = tenantContractName("team-shop", "shop");
  expect(planGoneTenant({ ...gone, contract: { uid: "u", resourceVersion: "1" } }).actions.map(words)).toEqual([
    `delete posthouse-system/${name} u`,
  ]);
  expect(planGoneTenant(gone)).toEqual({ actions: [], notes: [] });
});
