import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseAllDocuments, stringify } from "yaml";
import { findHelm } from "../../charts/generate.ts";
import type { Finished } from "./posthouse.ts";

export const chartFolder = fileURLToPath(new URL("../../charts/posthouse", import.meta.url));
const sets = new URL("../fixtures/chart/", import.meta.url);

/** The names of the value sets whose renderings are kept. */
export const valueSets: readonly string[] = readdirSync(sets)
  .filter((name) => name.endsWith(".values.yaml"))
  .map((name) => name.replace(".values.yaml", ""));

/** The file of a value set, or of its rendering. */
export function valueSetFile(name: string, what: "values" | "golden"): string {
  return fileURLToPath(new URL(`${name}.${what}.yaml`, sets));
}

/** An object as a rendering has it. */
export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Runs the helm that is here, or that the test set-up makes, to its end. */
export async function helm(args: readonly string[], input = ""): Promise<Finished> {
  const program = findHelm();
  if (program === undefined) throw new Error("there is no helm: run bash test/setup/controlplane.sh first");
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  await once(child, "close");
  return { code: child.exitCode, stdout, stderr };
}

const known = ["monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PrometheusRule"];

/** Renders the chart with values, or the file of some, as the release `posthouse` of the namespace `posthouse-system`. */
export function renderChart(values: object | string, apis: readonly string[] = []): Promise<Finished> {
  const file = typeof values === "string" ? values : "-";
  const versions = apis.flatMap((api) => ["--api-versions", api]);
  return helm(
    ["template", "posthouse", chartFolder, "--namespace", "posthouse-system", "--values", file, ...versions],
    typeof values === "string" ? "" : stringify(values),
  );
}

/** The sets for who renders without an API server to tell what it knows. */
const offline: ReadonlySet<string> = new Set(["gitops"]);

/** The rendering of a value set, where the Prometheus operator is there unless nobody can tell. Throws when it is refused. */
export async function renderValueSet(name: string): Promise<string> {
  const { code, stdout, stderr } = await renderChart(valueSetFile(name, "values"), offline.has(name) ? [] : known);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

/** The objects of a rendering. Throws when it is no YAML. */
export function objectsOf(rendering: string): readonly Rendered[] {
  return parseAllDocuments(rendering).flatMap((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    const object: Rendered | null = document.toJS();
    return object === null ? [] : [object];
  });
}
