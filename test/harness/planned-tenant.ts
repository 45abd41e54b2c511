import { decodeTenantContract } from "../../contract/codec.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import type { RelayTenantSpec, RelayTenantStatus } from "../../crds/relay-tenant.ts";
import type { Action } from "../../operator/action.ts";
import type { Plan } from "../../operator/plan.ts";
import type { ObservedSecret } from "../../operator/relay-tenant/application-secret.ts";
import type { ObservedTenant, StoredRecord } from "../../operator/relay-tenant/observed.ts";
import { planTenant } from "../../operator/relay-tenant/plan.ts";

/** What the tests of a RelayTenant's plan have in common: credentials that were issued, their Secrets, and what the plan says. */
export const now = Date.parse("2026-11-22T12:00:00Z");
export const hour = 3_600_000;

export type Environment = RelayTenantSpec["environments"][number];
export type Credential = Environment["credentials"][number];
export const manual: Credential["rotation"] = { schedule: "Manual", overlap: "24h", oldKeys: "KeepWhileUsed" };
export const environment = (
  name: string,
  ...credentials: (Omit<Credential, "rotation"> & Partial<Credential>)[]
): Environment => ({
  name,
  mode: "Deliver",
  credentials: credentials.map((credential) => Object.assign({ rotation: manual }, credential)),
});
export const production = environment("production", { name: "web", secretName: "shop-web" });

/** The n-th key issued for a credential, so many hours ago; its id and hash tell which. */
export function record(serial: number, hoursAgo: number, more: Partial<StoredRecord> = {}): StoredRecord {
  const credential = { namespace: "team-shop", tenant: "shop", environment: "production", credential: "web" };
  return {
    credential,
    secretName: "shop-web",
    serial,
    id: idOf(serial),
    sha256: hashOf(serial),
    issuedAt: now - hoursAgo * hour,
    objectName: `record-${serial}`,
    uid: `record-uid-${serial}`,
    resourceVersion: "1",
    ...more,
  };
}

export function hashOf(serial: number): string {
  return String(serial).padStart(64, "0");
}

export function idOf(serial: number): string {
  return String(serial).padStart(12, "k");
}

export const web = { name: "web", secretName: "shop-web" };
export const interval = (every: string): Credential["rotation"] => ({
  ...manual,
  schedule: "Interval",
  every,
  overlap: "1h",
});

export const secret = (serial: number, more: Partial<ObservedSecret> = {}): ObservedSecret => ({
  uid: "secret-uid",
  resourceVersion: "7",
  owned: true,
  sha256: hashOf(serial),
  credential: "production/web",
  upToDate: true,
  ...more,
});

export interface Given {
  readonly environments?: readonly Environment[];
  readonly records?: readonly StoredRecord[];
  readonly secrets?: Readonly<Record<string, ObservedSecret>>;
  readonly sending?: RelayTenantSpec["sending"];
  readonly plan?: ObservedTenant["plan"];
  readonly rotate?: string;
  readonly standing?: RelayTenantSpec["allowance"]["standing"];
  readonly sharedDomain?: ObservedTenant["sharedDomain"];
  readonly sharedState?: ObservedTenant["sharedState"];
  readonly revoked?: readonly string[];
  readonly usage?: ObservedTenant["usage"];
  readonly status?: RelayTenantStatus;
}

// oxlint-disable-next-line complexity -- one default after another
export function planOf(given: Given): Plan<RelayTenantStatus> {
  const { environments = [production], records = [], secrets = {}, sending = "Enabled" } = given;
  const plan = "plan" in given ? given.plan : { maxCredits: 1000, namespaces: ["*"] };
  return planTenant(
    {
      namespace: "team-shop",
      name: "shop",
      generation: 1,
      spec: {
        allowance: {
          plan: "Pro",
          credits: { type: "OneTime", amount: 100 },
          topUps: [],
          standing: given.standing ?? "Normal",
        },
        sending,
        environments: [...environments],
        revokedKeyIds: [...(given.revoked ?? [])],
        delivery: { route: "Direct", tlsPolicy: "Opportunistic" },
      },
      ...(given.rotate !== undefined && { rotate: given.rotate }),
      ...(plan && { plan }),
      ...(given.sharedDomain && { sharedDomain: given.sharedDomain }),
      ...(given.sharedState && { sharedState: given.sharedState }),
      ...(given.status && { status: given.status }),
      records,
      secrets: new Map(Object.entries(secrets)),
      usage: given.usage ?? { kind: "Known" },
      unproven: [],
      contractNamespace: "posthouse-system",
      contractVersion: "3",
    },
    now,
  );
}

export function words(action: Action): string {
  switch (action.kind) {
    case "issueCredential":
      return `issue ${action.serial} to ${action.target.secretName}${action.replaces === undefined ? "" : ` over ${action.replaces}`}${action.rotation === undefined ? "" : ` for ${action.rotation}`}`;
    case "refreshCredential":
      return `refresh ${action.target.secretName}`;
    case "delete":
      return `delete ${action.key.namespace}/${action.key.name} ${action.uid}`;
    case "create":
    case "apply":
    case "createKey":
    case "importKey":
    case "copySmarthostSecret":
    case "publish":
      return action.kind;
  }
  return action satisfies never;
}

export const actionsOf = (given: Given): readonly string[] => planOf(given).actions.map(words);

export function contractOf(given: Given): TenantContract {
  const [first] = planOf(given).actions;
  const decoded = decodeTenantContract(first?.kind === "apply" ? first.object.data : {});
  if ("error" in decoded) throw new Error(decoded.error);
  return decoded.value;
}

/** The keys that a relay accepts, with the hours that are left of them. */
export const acceptedBy = (given: Given): readonly string[] =>
  contractOf(given).environments.flatMap(({ name, credentials }) =>
    credentials.map(({ id, notAfter }) => {
      const left = notAfter === undefined ? "" : ` for ${(notAfter - now) / hour} h`;
      return `${name} ${id.replace(/^k+/, "")}${left}`;
    }),
  );

export const issued: Given = { records: [record(1, 5)], secrets: { "shop-web": secret(1) } };
