/** Health of custom resources as tools of GitOps see it: with what the chart ships for Argo CD and Flux, and by kstatus. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Environment } from "@marcbachmann/cel-js";
import { parse } from "yaml";
import { isThere } from "./needed.ts";

export type Kind = "RelayTenant" | "SendingDomain";
export type Health = "Progressing" | "Degraded" | "Healthy";
export type Status = "InProgress" | "Failed" | "Current" | "Terminating" | "Unknown";

/** A custom resource as far as its health goes. */
export interface Seen {
  readonly metadata: { readonly generation: number; readonly deletionTimestamp?: string };
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: readonly Condition[] };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
}

const file = (name: string): string => readFileSync(new URL(`../../charts/gitops/${name}`, import.meta.url), "utf8");

const interpreter = ((): string | undefined => {
  try {
    const script = new URL("../setup/lua.sh", import.meta.url).pathname;
    return execFileSync("bash", [script], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
  } catch {
    return undefined;
  }
})();

/** True where a Lua can run. */
export const canRunLua = isThere("Argo CD's health checks want an interpreter of Lua 5.1", interpreter !== undefined);

/** A value as an expression of Lua. */
function lua(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(lua).join(",")}}`;
  if (typeof value === "object" && value !== null)
    return `{${Object.entries(value)
      .map(([key, each]) => `[${JSON.stringify(key)}]=${lua(each)}`)
      .join(",")}}`;
  return JSON.stringify(value);
}

const settings = parse(file("argo-cd.yaml")) as { readonly data: Readonly<Record<string, string>> };

/** Judges as Argo CD does: a script finds `obj` and returns a table. Gives `Health: message` of each, by one interpreter. */
export function argoCd(...objects: readonly (readonly [Kind, Seen])[]): readonly string[] {
  const judge = ([kind, object]: readonly [Kind, Seen]): string => {
    const script = settings.data[`resource.customizations.health.posthouse.dev_${kind}`] ?? "";
    return `obj = ${lua(object)}\nhs = (function()\n${script}\nend)()\nio.write(hs.status, ": ", hs.message, "\\0")\n`;
  };
  const input = objects.map(judge).join("");
  return execFileSync(interpreter ?? "", ["-"], { input, encoding: "utf8" })
    .split("\0")
    .slice(0, -1);
}

/** What Flux takes of a Kustomization's `healthCheckExprs`. */
export interface Expressions {
  readonly kind: Kind;
  readonly apiVersion: string;
  readonly inProgress: string;
  readonly failed: string;
  readonly current: string;
}

const kustomization = parse(file("flux.yaml")) as {
  readonly spec: { readonly healthCheckExprs: readonly Expressions[] };
};

/** The expressions that the chart ships. */
export const expressions = kustomization.spec.healthCheckExprs;

const environment = new Environment().registerVariable("metadata", "dyn").registerVariable("status", "dyn");

/** Whether an expression holds of an object. Throws when it cannot be told. */
export function holds(expression: string, { metadata, status }: Seen): boolean {
  return environment.evaluate(expression, { metadata, ...(status && { status }) }) === true;
}

/** The first of a kind's three expressions that holds; Unknown where one cannot be evaluated. */
export function byExpressions(kind: Kind, object: Seen): Status {
  const each = expressions.find((one) => one.kind === kind);
  if (each === undefined) throw new Error(`there are no expressions for ${kind}`);
  try {
    if (holds(each.inProgress, object)) return "InProgress";
    if (holds(each.failed, object)) return "Failed";
    return holds(each.current, object) ? "Current" : "InProgress";
  } catch {
    return "Unknown";
  }
}

const isBehind = ({ metadata, status }: Seen): boolean =>
  status?.observedGeneration !== undefined && status.observedGeneration !== metadata.generation;

/** Judges as Flux does with expressions: nothing before the generation was observed. */
export function flux(kind: Kind, object: Seen): Status {
  return isBehind(object) ? "InProgress" : byExpressions(kind, object);
}

/** Judges a custom resource by kstatus, as its documentation has it. */
export function kstatus(object: Seen): Status {
  const is = (type: string): string | undefined =>
    object.status?.conditions?.find((each) => each.type === type)?.status;
  if (object.metadata.deletionTimestamp !== undefined) return "Terminating";
  if (isBehind(object) || is("Reconciling") === "True") return "InProgress";
  if (is("Stalled") === "True") return "Failed";
  return is("Ready") === undefined || is("Ready") === "True" ? "Current" : "InProgress";
}
