import { describe, expect, test } from "vitest";
import { decodeTenantContract } from "../../contract/codec.ts";
import { tenantContractName } from "../../contract/names.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import type { RelayTenantSpec } from "../../crds/relay-tenant.ts";
import type { Action } from "../action.ts";
import type { Plan } from "../plan.ts";
import type { ObservedSecret } from "./application-secret.ts";
import type { ObservedTenant, StoredRecord } from "./observed.ts";
import { planGoneTenant, planTenant } from "./plan.ts";

const now = Date.parse("2026-11-22T12:00:00Z");
const hour = 3_600_000;

type Environment = RelayTenantSpec["environments"][number];
const environment = (name: string, ...credentials: Environment["credentials"]): Environment => ({
  name,
  mode: "Deliver",
  credentials,
});
const production = environment("production", { name: "web", secretName: "shop-web" });

/** The n-th key issued for a credential, so many hours ago; its id and hash tell which. */
function record(serial: number, hoursAgo: number, more: Partial<StoredRecord> = {}): StoredRecord {
  const credential = { namespace: "team-shop", tenant: "shop", environment: "production", credential: "web" };
  return {
    credential,
    secretName: "shop-web",
    serial,
    id: String(serial).padStart(12, "k"),
    sha256: hashOf(serial),
    issuedAt: now - hoursAgo * hour,
    objectName: `record-${serial}`,
    uid: `record-uid-${serial}`,
    ...more,
  };
}

function hashOf(serial: number): string {
  return String(serial).padStart(64, "0");
}

const secret = (serial: number, more: Partial<ObservedSecret> = {}): ObservedSecret => ({
  uid: "secret-uid",
  resourceVersion: "7",
  owned: true,
  sha256: hashOf(serial),
  credential: "production/web",
  upToDate: true,
  ...more,
});

interface Given {
  readonly environments?: readonly Environment[];
  readonly records?: readonly StoredRecord[];
  readonly secrets?: Readonly<Record<string, ObservedSecret>>;
  readonly sending?: RelayTenantSpec["sending"];
  readonly plan?: ObservedTenant["plan"];
}

function planOf(given: Given): Plan<unknown> {
  const { environments = [production], records = [], secrets = {}, sending = "Enabled" } = given;
  const plan = "plan" in given ? given.plan : { maxCredits: 1000, namespaces: ["*"] };
  return planTenant(
    {
      namespace: "team-shop",
      name: "shop",
      generation: 1,
      spec: {
        allowance: { plan: "Pro", credits: { type: "OneTime", amount: 100 }, topUps: [] },
        sending,
        environments: [...environments],
        delivery: { route: "Direct", tlsPolicy: "Opportunistic" },
      },
      ...(plan && { plan }),
      records,
      secrets: new Map(Object.entries(secrets)),
      usage: { kind: "Known" },
      unproven: [],
      contractNamespace: "posthouse-system",
    },
    now,
  );
}

function words(action: Action): string {
  switch (action.kind) {
    case "issueCredential":
      return `issue ${action.serial} to ${action.target.secretName}${action.replaces === undefined ? "" : ` over ${action.replaces}`}`;
    case "refreshCredential":
      return `refresh ${action.target.secretName}`;
    case "delete":
      return `delete ${action.key.namespace}/${action.key.name} ${action.uid}`;
    case "create":
    case "apply":
    case "createKey":
      return action.kind;
  }
  return action satisfies never;
}

const actionsOf = (given: Given): readonly string[] => planOf(given).actions.map(words);

function contractOf(given: Given): TenantContract {
  const [first] = planOf(given).actions;
  const decoded = decodeTenantContract(first?.kind === "apply" ? first.object.data : {});
  if ("error" in decoded) throw new Error(decoded.error);
  return decoded.value;
}

/** The keys that a relay accepts, with the hours that are left of them. */
const acceptedBy = (given: Given): readonly string[] =>
  contractOf(given).environments.flatMap(({ name, credentials }) =>
    credentials.map(({ id, notAfter }) => {
      const left = notAfter === undefined ? "" : ` for ${(notAfter - now) / hour} h`;
      return `${name} ${id.replace(/^k+/, "")}${left}`;
    }),
  );

describe("what is done for a credential", () => {
  test.each<[string, Given, readonly string[]]>([
    ["new", {}, ["apply", "issue 1 to shop-web"]],
    ["issued", { records: [record(1, 5)], secrets: { "shop-web": secret(1) } }, ["apply"]],
    ["Secret deleted", { records: [record(1, 5)] }, ["apply", "issue 2 to shop-web"]],
    [
      "key in the Secret altered",
      { records: [record(1, 5)], secrets: { "shop-web": secret(9) } },
      ["apply", "issue 2 to shop-web over 7"],
    ],
    [
      "an older key put back",
      { records: [record(1, 5), record(2, 1)], secrets: { "shop-web": secret(1) } },
      ["apply", "issue 3 to shop-web over 7"],
    ],
    [
      "the fleet's host changed",
      { records: [record(1, 5)], secrets: { "shop-web": secret(1, { upToDate: false }) } },
      ["apply", "refresh shop-web"],
    ],
    ["somebody else's Secret", { secrets: { "shop-web": secret(1, { owned: false }) } }, ["apply"]],
    ["record gone", { secrets: { "shop-web": secret(1) } }, ["apply", "issue 1 to shop-web over 7"]],
    [
      "moved to another Secret",
      { records: [record(1, 5, { secretName: "old" })], secrets: { old: secret(1) } },
      ["apply", "issue 2 to shop-web"],
    ],
    [
      "moved, and the overlap is over: the old Secret goes with its key",
      {
        records: [record(1, 50, { secretName: "old" }), record(2, 25)],
        secrets: { old: secret(1), "shop-web": secret(2) },
      },
      ["apply", "delete team-shop/old secret-uid", "delete posthouse-system/record-1 record-uid-1"],
    ],
    [
      "taken out of the spec",
      { environments: [environment("production")], records: [record(1, 5)], secrets: { "shop-web": secret(1) } },
      ["apply", "delete team-shop/shop-web secret-uid", "delete posthouse-system/record-1 record-uid-1"],
    ],
    [
      "taken out, and its Secret is somebody else's now",
      { environments: [], records: [record(1, 5)], secrets: { "shop-web": secret(1, { owned: false }) } },
      ["apply", "delete posthouse-system/record-1 record-uid-1"],
    ],
    [
      "taken out, and another credential uses its Secret",
      {
        environments: [environment("staging", { name: "web", secretName: "shop-web" })],
        records: [record(1, 5)],
        secrets: { "shop-web": secret(1) },
      },
      ["apply", "issue 1 to shop-web over 7", "delete posthouse-system/record-1 record-uid-1"],
    ],
    [
      "a Secret named twice",
      { environments: [production, environment("staging", { name: "web", secretName: "shop-web" })] },
      ["apply", "issue 1 to shop-web"],
    ],
  ])("%s", (_, given, expected) => {
    expect(actionsOf(given)).toEqual(expected);
  });
});

describe("which keys a relay accepts", () => {
  const six = [6, 5, 4, 3, 2, 1].map((hoursAgo, index) => record(index + 1, hoursAgo));
  test.each<[string, Given, readonly string[]]>([
    ["none before one is issued", {}, []],
    [
      "the newest, and the one before for the overlap",
      { records: [record(1, 50), record(2, 4)] },
      ["production 1 for 20 h", "production 2"],
    ],
    ["the overlap is over", { records: [record(1, 50), record(2, 24)] }, ["production 2"]],
    [
      "five at most",
      { records: six },
      [
        "production 2 for 20 h",
        "production 3 for 21 h",
        "production 4 for 22 h",
        "production 5 for 23 h",
        "production 6",
      ],
    ],
    ["none of a removed credential", { environments: [environment("production")], records: [record(1, 5)] }, []],
    ["none of a removed environment", { environments: [environment("staging")], records: [record(1, 5)] }, []],
    [
      "each environment its own",
      {
        environments: [environment("staging", { name: "web", secretName: "staging" }), production],
        records: [record(1, 5), record(2, 5, { credential: { ...record(1, 0).credential, environment: "staging" } })],
      },
      ["production 1", "staging 2"],
    ],
  ])("%s", (_, given, expected) => {
    expect(acceptedBy(given)).toEqual(expected);
  });

  test("it is planned anew when an overlap ends", () => {
    const { recheckAfter } = planOf({ records: [record(1, 50), record(2, 4)] });
    expect(recheckAfter).toBe(20 * hour);
  });
});

test.each<[string, Given, string]>([
  ["as it is", {}, "Active/Enabled"],
  ["switched off", { sending: "Disabled" }, "Disabled/DisabledByTenant"],
  ["no such plan", { plan: undefined }, "Disabled/UnknownPlan"],
  ["no such plan, and switched off", { plan: undefined, sending: "Disabled" }, "Disabled/UnknownPlan"],
  ["another's plan", { plan: { maxCredits: 1000, namespaces: ["other"] } }, "Disabled/PlanNotAllowed"],
  ["over the cap", { plan: { maxCredits: 99, namespaces: ["*"] } }, "Disabled/CreditsOverPlan"],
])("sending: %s", (_, given, expected) => {
  const { state, reason } = contractOf(given).sending;
  expect(`${state}/${reason}`).toBe(expected);
});

test("a tenant that is gone loses its contract and nothing else", () => {
  const gone = { contractNamespace: "posthouse-system", namespace: "team-shop", name: "shop" };
  const name = tenantContractName("team-shop", "shop");
  expect(planGoneTenant({ ...gone, contractUid: "u" }).actions.map(words)).toEqual([
    `delete posthouse-system/${name} u`,
  ]);
  expect(planGoneTenant(gone)).toEqual({ actions: [], notes: [] });
});
