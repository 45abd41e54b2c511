/** Writes what is generated of the chart: values.yaml, its schema, README and CRDs, and with a helm at hand the plain bundle. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { argoCdPatch } from "./argo-cd.ts";
import { definitions } from "../crds/definition.ts";
import { chartReadme } from "./chart-readme.ts";
import { crdTemplate } from "./crd-template.ts";
import { plainBundle } from "./install-bundle.ts";
import { plainSchema } from "./json-schema.ts";
import { valuesFile } from "./values-file.ts";
import { valuesJsonSchema } from "./values-schema.ts";
import { chartValues } from "./values.ts";

const chart = new URL("posthouse/", import.meta.url);
const crds = new URL("../crds/generated/", import.meta.url);
const crdTemplates = new URL("templates/crds/", chart);

/** A file to be written, by its path in charts/. */
export interface ChartFile {
  readonly path: string;
  readonly text: string;
}

/** Every file that takes no helm to make. */
export function chartFiles(): readonly ChartFile[] {
  const schema = plainSchema(chartValues);
  return [
    { path: "posthouse/values.yaml", text: valuesFile(schema) },
    { path: "posthouse/values.schema.json", text: valuesJsonSchema(schema) },
    { path: "posthouse/README.md", text: chartReadme(schema) },
    {
      path: "gitops/argo-cd.yaml",
      text: argoCdPatch(
        readHealthScript(),
        definitions.map(({ kind }) => kind),
      ),
    },
    ...readdirSync(crds).map((name) => ({
      path: `posthouse/templates/crds/${name}`,
      text: crdTemplate(readFileSync(new URL(name, crds), "utf8")),
    })),
  ];
}

function readHealthScript(): string {
  return readFileSync(new URL("gitops/health.lua", import.meta.url), "utf8");
}

/** The path of a helm; undefined where there is none. Nothing is built for it. */
export function findHelm(): string | undefined {
  const script = fileURLToPath(new URL("../test/setup/find-helm.sh", import.meta.url));
  try {
    return execFileSync("bash", [script], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}

/** The plain bundle, install.yaml, as the chart renders it. */
export function installBundle(helm: string): string {
  return plainBundle(
    execFileSync(
      helm,
      ["template", "posthouse", fileURLToPath(chart), "--namespace", "posthouse-system", "--set", "crds.keep=false"],
      {
        encoding: "utf8",
        maxBuffer: 64 * 1024 * 1024,
      },
    ),
  );
}

function generate(): void {
  rmSync(crdTemplates, { recursive: true, force: true });
  mkdirSync(crdTemplates, { recursive: true });
  for (const { path, text } of chartFiles()) writeFileSync(new URL(path, import.meta.url), text);
  writeBundle(findHelm(), console.error);
}

/** Writes install.yaml, or says that it stays as it was because there is no helm. */
export function writeBundle(helm: string | undefined, warn: (message: string) => void): void {
  if (helm !== undefined) writeFileSync(new URL("install.yaml", import.meta.url), installBundle(helm));
  else
    warn(
      "charts/install.yaml stays as it was: making it takes Helm 4, and none is in PATH, in KUBEBUILDER_ASSETS or built for the tests (bash test/setup/controlplane.sh)",
    );
}

if (import.meta.main) generate();
