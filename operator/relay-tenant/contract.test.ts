import { expect, test } from "vitest";
import { decodeTenantContract } from "../../contract/codec.ts";
import { tenantContractName } from "../../contract/names.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import type { RelayTenantSpec } from "../../crds/relay-tenant.ts";
import type { ObservedTenant, StoredRecord } from "./observed.ts";
import { planTenant } from "./plan.ts";

const now = Date.parse("2026-11-22T12:00:00Z");
const hour = 3_600_000;
const label = "l".repeat(60);

type Environment = RelayTenantSpec["environments"][number];

/** As many environments, credentials and allowed sources as the CRD admits. */
const environments = Array.from({ length: 16 }, (_, index): Environment => ({
  name: `e${index}`,
  mode: "Deliver",
  credentials: Array.from({ length: 8 }, (__, which) => ({
    name: `c${which}`,
    secretName: `e${index}-c${which}`,
    allowedSources: Array.from({ length: 64 }, (___, last) => `2001:db8:1234:5678:9abc:def0:1234:${1000 + last}/128`),
    rotation: { schedule: "Manual", overlap: "24h", oldKeys: "Revoke" },
  })),
}));

/** Five keys of each, which is as many as work. */
const records = environments.flatMap(({ name: environment, credentials }) =>
  credentials.flatMap(({ name: credential, secretName }) =>
    [1, 2, 3, 4, 5].map((serial): StoredRecord => ({
      credential: { namespace: "team-shop", tenant: "shop", environment, credential },
      secretName,
      serial,
      id: "k".repeat(12),
      sha256: "0".repeat(64),
      issuedAt: now - 6 * hour + serial * hour,
      objectName: `${secretName}-${serial}`,
      uid: "u",
      resourceVersion: "1",
    })),
  ),
);

/** More SendingDomains than one contract holds, with the longest names of keys. */
const unproven = Array.from({ length: 3000 }, (_, index) => ({
  domain: `d${index}.${label}.${label}.${label}.example`,
  keys: (["RSA2048", "Ed25519"] as const).map((algorithm) => {
    return { selector: "s".repeat(63), algorithm, secretName: "k".repeat(101) };
  }),
}));

type Given = Partial<Pick<ObservedTenant, "unproven" | "records">> & {
  readonly environments?: readonly Environment[];
  readonly standing?: RelayTenantSpec["allowance"]["standing"];
  /** "3" when absent. */
  readonly contractVersion?: string;
};

function planOf({ standing = "Normal", ...given }: Given) {
  return planTenant(
    {
      namespace: "team-shop",
      name: "shop",
      generation: 1,
      spec: {
        allowance: { plan: "Pro", credits: { type: "OneTime", amount: 100 }, topUps: [], standing },
        sending: "Enabled",
        environments: [...(given.environments ?? [])],
        revokedKeyIds: [],
        delivery: { route: "Direct", tlsPolicy: "Opportunistic" },
      },
      plan: { maxCredits: 1000, namespaces: ["*"] },
      records: given.records ?? [],
      secrets: new Map(),
      usage: { kind: "Known" },
      unproven: given.unproven ?? [],
      contractNamespace: "posthouse-system",
      ...(given.contractVersion !== "None" && { contractVersion: given.contractVersion ?? "3" }),
    },
    now,
  );
}

function contractOf(given: Given): TenantContract {
  const [first] = planOf(given).actions;
  const decoded = decodeTenantContract(first?.kind === "apply" ? first.object.data : {});
  if ("error" in decoded) throw new Error(decoded.error);
  return decoded.value;
}

test("a contract that is too large for a Secret loses its logins, so that the one before is not in force", () => {
  const given = { environments, records };
  expect(contractOf(given)).toMatchObject({
    sending: { state: "Disabled", reason: "ContractTooLarge" },
    environments: [],
    allowance: { credits: { type: "OneTime", amount: 100 } },
  });
  const { status } = planOf(given);
  expect(status?.conditions?.find(({ type }) => type === "Stalled")).toMatchObject({ reason: "ContractTooLarge" });
  expect(status?.sending).toEqual({ state: "Disabled", reason: "ContractTooLarge" });
});

test("it does not keep the platform from suspending the tenant", () => {
  expect(contractOf({ environments, records, standing: "Suspended" }).sending.state).toBe("Suspended");
});

test("domains that nobody has proven make no contract too large", () => {
  const some = environments.slice(0, 1).map((each) => Object.assign({}, each, { mode: "Capture" as const }));
  const contract = contractOf({ environments: some, records: records.slice(0, 40), unproven });
  expect(contract.sending.state).toBe("Active");
  expect(contract.environments[0]?.credentials).toHaveLength(40);
  expect(contract.unproven).toEqual(unproven.slice(0, 500));
  expect(contractOf({ environments: environments.slice(0, 1), unproven }).unproven).toEqual([]);
});

test("a contract is created where there is none, and changed only as it was seen", () => {
  const [created] = planOf({ contractVersion: "None" }).actions;
  expect(created).toMatchObject({
    kind: "create",
    object: { metadata: { name: tenantContractName("team-shop", "shop") } },
  });
  expect(created).not.toHaveProperty("object.metadata.resourceVersion");
  const [changed] = planOf({ contractVersion: "7" }).actions;
  expect(changed).toMatchObject({ kind: "apply", object: { metadata: { resourceVersion: "7" } } });
});
