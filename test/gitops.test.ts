import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Environment } from "@marcbachmann/cel-js";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { summarise, type Finding } from "../operator/conditions.ts";
import type { Problem } from "../operator/reasons.ts";

type Kind = "RelayTenant" | "SendingDomain";
type Health = "Progressing" | "Degraded" | "Healthy";
type Status = "InProgress" | "Failed" | "Current";

/** A custom resource as a GitOps tool sees it. */
interface Seen {
  readonly metadata: { readonly generation: number; readonly deletionTimestamp?: string };
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: readonly Condition[] };
}
interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
}

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
const ready = seen("SendingDomain", {});

interface Case {
  readonly kind: Kind;
  readonly object: Seen;
  readonly health: Health;
  readonly message: RegExp;
  /** By kstatus, as `flux` without expressions and `kubectl wait` of kpt have it. */
  readonly status: Status;
  /** By the expressions for Flux, where they say otherwise. */
  readonly withDns?: Status;
}

const cases: Readonly<Record<string, Case>> = {
  "brand-new, as the CRD defaults it": {
    kind: "RelayTenant",
    object: { metadata: { generation: 1 }, status: { observedGeneration: -1 } },
    health: "Progressing",
    message: /not looked at it yet/,
    status: "InProgress",
  },
  "changed since it was looked at": {
    kind: "SendingDomain",
    object: { ...ready, metadata: { generation: 3 } },
    health: "Progressing",
    message: /not looked at the change/,
    status: "InProgress",
  },
  "changed while it was stalled": {
    kind: "RelayTenant",
    object: { ...seen("RelayTenant", {}, [stalled]), metadata: { generation: 3 } },
    health: "Progressing",
    message: /not looked at the change/,
    status: "InProgress",
  },
  "stalled until somebody acts": {
    kind: "RelayTenant",
    object: seen("RelayTenant", {}, [stalled]),
    health: "Degraded",
    message: /no such plan/,
    status: "Failed",
  },
  "waiting for a Secret": {
    kind: "RelayTenant",
    object: seen("RelayTenant", {}, [waiting]),
    health: "Progressing",
    message: /Label the Secret/,
    status: "InProgress",
  },
  "not ready yet": {
    kind: "SendingDomain",
    object: seen("SendingDomain", { KeysReady: "False" }),
    health: "Progressing",
    message: /KeysReady/,
    status: "InProgress",
  },
  "not known to be ready": {
    kind: "SendingDomain",
    object: seen("SendingDomain", { KeysReady: "Unknown" }),
    health: "Progressing",
    message: /KeysReady/,
    status: "InProgress",
  },
  "ready, with everything in DNS": {
    kind: "SendingDomain",
    object: ready,
    health: "Healthy",
    message: /Everything/,
    status: "Current",
  },
  "ready, with records to publish": {
    kind: "SendingDomain",
    object: seen("SendingDomain", { DNSVerified: "False", OwnershipProven: "False", DKIMVerified: "False" }),
    health: "Healthy",
    message: /DNSVerified is told/,
    status: "Current",
    withDns: "InProgress",
  },
  "ready, DNS could not be asked": {
    kind: "SendingDomain",
    object: seen("SendingDomain", { DNSVerified: "Unknown" }),
    health: "Healthy",
    message: /DNSVerified is told/,
    status: "Current",
    withDns: "InProgress",
  },
  "a tenant that is ready": {
    kind: "RelayTenant",
    object: seen("RelayTenant", {}),
    health: "Healthy",
    message: /Everything/,
    status: "Current",
  },
  "a tenant that is suspended": {
    kind: "RelayTenant",
    object: seen("RelayTenant", { SendingAllowed: "False" }),
    health: "Healthy",
    message: /SendingAllowed is told/,
    status: "Current",
  },
  "a tenant without credits": {
    kind: "RelayTenant",
    object: seen("RelayTenant", { CreditsAvailable: "False" }),
    health: "Healthy",
    message: /CreditsAvailable is told/,
    status: "Current",
  },
  "being deleted": {
    kind: "SendingDomain",
    object: { ...ready, metadata: { generation: 2, deletionTimestamp: "2026-11-02T00:00:00Z" } },
    health: "Progressing",
    message: /deleted/,
    status: "InProgress",
  },
};
const names = Object.entries(cases);

const file = (name: string): string => readFileSync(new URL(`../charts/gitops/${name}`, import.meta.url), "utf8");

/** A value as an expression of Lua. */
function lua(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(lua).join(",")}}`;
  if (typeof value === "object" && value !== null)
    return `{${Object.entries(value)
      .map(([key, each]) => `[${JSON.stringify(key)}]=${lua(each)}`)
      .join(",")}}`;
  return JSON.stringify(value);
}

function findLua(): string | undefined {
  try {
    const script = new URL("setup/lua.sh", import.meta.url).pathname;
    return execFileSync("bash", [script], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}

const interpreter = findLua();
const settings = parse(file("argo-cd.yaml")) as { data: Readonly<Record<string, string>> };

/** Runs a health check as Argo CD does: a script that finds `obj` and returns a table. */
function argoCd(kind: Kind, object: Seen): string {
  const script = settings.data[`resource.customizations.health.posthouse.dev_${kind}`] ?? "";
  const program = `obj = ${lua(object)}\nlocal hs = (function()\n${script}\nend)()\nio.write(hs.status, ": ", hs.message)`;
  return execFileSync(interpreter ?? "", ["-"], { input: program, encoding: "utf8" });
}

describe.skipIf(interpreter === undefined)("the health check for Argo CD", () => {
  test.each(names)("%s", (_what, { kind, object, health, message }) => {
    const told = argoCd(kind, object);
    expect(told.split(": ")[0]).toBe(health);
    expect(told).toMatch(message);
  });

  test("something without a status", () => {
    expect(argoCd("RelayTenant", { metadata: { generation: 1 } })).toMatch(/^Progressing: /);
  });
});

interface Expressions {
  readonly kind: Kind;
  readonly apiVersion: string;
  readonly inProgress: string;
  readonly failed: string;
  readonly current: string;
}
const kustomization = parse(file("flux.yaml")) as { spec: { healthCheckExprs: readonly Expressions[] } };
const environment = new Environment().registerVariable("metadata", "dyn").registerVariable("status", "dyn");

/** What Flux makes of expressions: the first of the three that holds; nothing before the generation was observed. */
function flux(kind: Kind, { metadata, status }: Seen): Status {
  if (status?.observedGeneration !== undefined && status.observedGeneration !== metadata.generation)
    return "InProgress";
  return byExpressions(kind, { metadata, status });
}

function byExpressions(kind: Kind, object: object): Status {
  const expressions = kustomization.spec.healthCheckExprs.find((each) => each.kind === kind);
  const holds = (expression = ""): boolean => environment.evaluate(expression, { ...object }) === true;
  if (holds(expressions?.inProgress)) return "InProgress";
  if (holds(expressions?.failed)) return "Failed";
  return holds(expressions?.current) ? "Current" : "InProgress";
}

/** kstatus of a custom resource, as its documentation has it. */
function kstatus({ metadata, status }: Seen): Status {
  const is = (type: string): string | undefined => status?.conditions?.find((each) => each.type === type)?.status;
  if (metadata.deletionTimestamp !== undefined) return "InProgress";
  if (status?.observedGeneration !== undefined && status.observedGeneration !== metadata.generation)
    return "InProgress";
  if (is("Reconciling") === "True") return "InProgress";
  if (is("Stalled") === "True") return "Failed";
  return is("Ready") === undefined || is("Ready") === "True" ? "Current" : "InProgress";
}

describe("the expressions for Flux", () => {
  test.each(names)("%s", (_what, { kind, object, status, withDns = status }) => {
    expect(flux(kind, object)).toBe(withDns);
  });

  test.each(names)(
    "alone, without what Flux looks at before them: %s",
    (_what, { kind, object, status, withDns = status }) => {
      expect(byExpressions(kind, object)).toBe(withDns);
    },
  );

  test("are for what the CRDs serve", () => {
    for (const { apiVersion } of kustomization.spec.healthCheckExprs) expect(apiVersion).toBe("posthouse.dev/v1alpha1");
  });
});

describe("kstatus", () => {
  test.each(names)("%s", (_what, { object, status }) => {
    expect(kstatus(object)).toBe(status);
  });
});
