import { beforeAll, describe, expect, test } from "vitest";
import { summarise, type Finding } from "../operator/conditions.ts";
import type { Problem } from "../operator/reasons.ts";
import {
  argoCd,
  byExpressions,
  canRunLua,
  expressions,
  flux,
  holds,
  kstatus,
  type Health,
  type Kind,
  type Seen,
  type Status,
} from "./harness/gitops.ts";

const table = {
  RelayTenant: ["CredentialsReady", "CreditsAvailable", "SendingAllowed"],
  SendingDomain: ["KeysReady", "OwnershipProven", "DKIMVerified", "SPFVerified", "DMARCVerified", "DNSVerified"],
} as const;
const time = Date.parse("2026-11-01T00:00:00Z");

/** The status that the operator itself gives: everything True but what is named. */
function seen(kind: Kind, but: Readonly<Record<string, Finding["status"]>>, problems: readonly Problem[] = []): Seen {
  const findings = Object.fromEntries(
    table[kind].map((type) => [type, { status: but[type] ?? "True", reason: "Test", message: `${type} is told.` }]),
  );
  const first = table[kind][0];
  const types = table[kind].map((type) => ({ type, means: "", neededForReady: type === first }));
  const conditions = summarise({ table: types, findings, problems, generation: 2, previous: [] }, time);
  return { metadata: { generation: 2 }, status: { observedGeneration: 2, conditions } };
}

const stalled: Problem = { kind: "Stalled", reason: "UnknownPlan", message: "There is no such plan." };
const waiting: Problem = { kind: "Waiting", reason: "SecretNotOffered", message: "Label the Secret." };
const changed = (object: Seen): Seen => ({ ...object, metadata: { generation: 3 } });
const deleted = (object: Seen): Seen => ({
  ...object,
  metadata: { ...object.metadata, deletionTimestamp: "2026-11-02T00:00:00Z" },
});

interface Case {
  readonly object: Seen;
  readonly health: Health;
  readonly message: RegExp;
  /** By kstatus, as Flux without expressions and `helm --wait` have it. */
  readonly status: Status;
  /** By the expressions for Flux, where they say otherwise. */
  readonly byExpressions?: Status;
}

const inProgress = { health: "Progressing", status: "InProgress" } as const;
const failed = { health: "Degraded", status: "Failed" } as const;
const current = { health: "Healthy", status: "Current" } as const;
const terminating = { health: "Progressing", status: "Terminating", byExpressions: "InProgress" } as const;

/** What both kinds may be in. */
function common(kind: Kind): Readonly<Record<string, Case>> {
  const [needed] = table[kind];
  const ready = seen(kind, {});
  const stuck = seen(kind, {}, [stalled]);
  const unseen = { metadata: { generation: 1 }, status: { observedGeneration: -1 } };
  const notYet = /not looked at it yet/;
  const change = /not looked at the change/;
  return {
    "brand-new, as the CRD defaults it": { object: unseen, message: notYet, ...inProgress },
    "brand-new and deleted": { object: deleted(unseen), message: /deleted/, ...terminating },
    "changed since it was ready": { object: changed(ready), message: change, ...inProgress },
    "changed since it was stalled": { object: changed(stuck), message: change, ...inProgress },
    "stalled until somebody acts": { object: stuck, message: /no such plan/, ...failed },
    "waiting for a Secret": { object: seen(kind, {}, [waiting]), message: /Label the Secret/, ...inProgress },
    "not ready yet": { object: seen(kind, { [needed]: "False" }), message: new RegExp(needed), ...inProgress },
    "not known to be ready": {
      object: seen(kind, { [needed]: "Unknown" }),
      message: new RegExp(needed),
      ...inProgress,
    },
    "ready, with everything": { object: ready, message: /Everything/, ...current },
    "ready and deleted": { object: deleted(ready), message: /deleted/, ...terminating },
    "stalled and deleted": { object: deleted(stuck), message: /deleted/, ...terminating },
    "changed and deleted": { object: deleted(changed(ready)), message: /deleted/, ...terminating },
  };
}

/** Suspended, out of credits, or not in DNS: Ready all the same, and the message tells of the first. */
function told(kind: Kind, ...types: readonly string[]): Readonly<Record<string, Case>> {
  const withDns = kind === "SendingDomain" ? ({ byExpressions: "InProgress" } as const) : {};
  const [first = ""] = types;
  const message = new RegExp(`${first} is told`);
  const of = (status: Finding["status"]): Seen => seen(kind, Object.fromEntries(types.map((type) => [type, status])));
  return {
    [`ready, ${types.join(", ")} not so`]: { object: of("False"), message, ...current, ...withDns },
    [`ready, ${types.join(", ")} not known`]: { object: of("Unknown"), message, ...current, ...withDns },
  };
}

const ofTenants = {
  ...common("RelayTenant"),
  ...told("RelayTenant", "SendingAllowed"),
  ...told("RelayTenant", "CreditsAvailable"),
  ...told("RelayTenant", "SendingAllowed", "CreditsAvailable"),
};
const ofDomains = {
  ...common("SendingDomain"),
  ...told("SendingDomain", "DNSVerified", "OwnershipProven", "DKIMVerified"),
};
const cases = [
  ...Object.entries(ofTenants).map(([state, each]) => ["RelayTenant", state, each] as const),
  ...Object.entries(ofDomains).map(([state, each]) => ["SendingDomain", state, each] as const),
];
const kinds = Object.keys(table) as readonly Kind[];
/** What no API server returns, as the CRDs have a default: there would be nothing for an expression to look at. */
const bare: Seen = { metadata: { generation: 1 } };

describe.skipIf(!canRunLua)("the health check for Argo CD", () => {
  let judged: readonly string[] = [];
  beforeAll(() => {
    judged = argoCd(...cases.map(([kind, , { object }]) => [kind, object] as const));
  });

  test.each(cases.map((each, index) => [...each, index] as const))(
    "%s: %s",
    (_kind, _state, { health, message }, index) => {
      expect(judged[index]?.split(": ")[0]).toBe(health);
      expect(judged[index]).toMatch(message);
    },
  );

  test.each(kinds)("%s: no status at all", (kind) => {
    const [plain, going] = argoCd([kind, bare], [kind, deleted(bare)]);
    expect(plain).toMatch(/^Progressing: Posthouse has not looked at it yet/);
    expect(going).toMatch(/^Progressing: .*deleted/);
  });
});

describe("the expressions for Flux", () => {
  test.each(cases)("%s: %s", (kind, _state, { object, status, byExpressions: expected = status }) => {
    expect(flux(kind, object)).toBe(expected);
  });

  test.each(cases)(
    "alone, without what Flux looks at before them: %s: %s",
    (kind, _state, { object, status, byExpressions: expected = status }) => {
      expect(byExpressions(kind, object)).toBe(expected);
    },
  );

  test.each(kinds)("%s: no status at all is nothing that is current or failed", (kind) => {
    expect(flux(kind, bare)).toBe("Unknown");
  });

  test.each(
    expressions.flatMap((each) =>
      (["inProgress", "failed", "current"] as const).map((name) => [each.kind, name, each[name]] as const),
    ),
  )("%s: %s holds of one state and not of another", (kind, _name, text) => {
    const judged = cases.flatMap(([of, , { object }]) =>
      of === kind && object.status?.conditions !== undefined ? [holds(text, object)] : [],
    );
    expect(new Set(judged)).toEqual(new Set([true, false]));
  });

  test("are for what the CRDs serve", () => {
    expect(expressions.map(({ kind, apiVersion }) => `${kind} ${apiVersion}`).toSorted()).toEqual(
      kinds.map((kind) => `${kind} posthouse.dev/v1alpha1`),
    );
  });
});

describe("kstatus", () => {
  test.each(cases)("%s: %s", (_kind, _state, { object, status }) => {
    expect(kstatus(object)).toBe(status);
  });

  test("takes no status at all for current: what is brand-new must have one", () => {
    expect(kstatus(bare)).toBe("Current");
  });
});
