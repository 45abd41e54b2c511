/** The code of this checkout compiled as in the image, by the Dockerfile's own line, and what the chart starts it with. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import { lastOf, readDockerfile } from "./dockerfile.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

type Environment = Readonly<Record<string, string>>;

interface Workload {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly spec: { readonly containers: readonly { readonly env: readonly { name: string; value?: string }[] }[] };
    };
  };
}

/** What the chart says to Node and the C library in a component's container. */
export function chartEnvironment(component: "operator" | "relay"): Environment {
  const documents = parseAllDocuments(readFileSync(`${root}charts/install.yaml`, "utf8"));
  const objects = documents.map((document): Workload & { kind: string } => document.toJS());
  const workload = objects.find(
    ({ kind, metadata }) => /^(Deployment|StatefulSet)$/.test(kind) && metadata.name === `posthouse-${component}`,
  );
  if (workload === undefined) throw new Error(`charts/install.yaml has no ${component}`);
  const env = workload.spec.template.spec.containers[0]?.env ?? [];
  return Object.fromEntries(env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])));
}

/** The line of the Dockerfile that compiles, for a shell whose folder is that of the program. */
export function compilingLine(dockerfile = readFileSync(`${root}Dockerfile`, "utf8")): string {
  const last = readDockerfile(dockerfile).stages.at(-1);
  const line = last && lastOf(last, "RUN");
  if (line === undefined) throw new Error("the Dockerfile runs nothing");
  return line;
}

/** Without what this process itself was told about compiling. */
function bare(): Record<string, string | undefined> {
  const { NODE_OPTIONS: _options, NODE_COMPILE_CACHE: _cache, ...rest } = process.env;
  return { ...rest, PATH: `${dirname(process.execPath)}:${rest["PATH"]}` };
}

/** Fills a folder as the image's is filled when it is built, for this checkout and this user. */
export async function compileAsImage(cache: string): Promise<void> {
  await run("sh", ["-ec", compilingLine()], { cwd: root, env: { ...bare(), NODE_COMPILE_CACHE: cache } });
}

/** The files whose types a program had to strip, for it found them in no cache. */
export async function strippedBy(args: readonly string[], environment: Environment): Promise<readonly string[]> {
  const env = { ...bare(), ...environment, NODE_DEBUG_NATIVE: "COMPILE_CACHE" };
  const { stdout, stderr } = await run(process.execPath, args, { cwd: root, env, maxBuffer: 64 * 1024 * 1024 });
  const lines = `${stdout}${stderr}`;
  if (!lines.includes("[compile cache] reading cache")) throw new Error(`Node says nothing of a cache:\n${lines}`);
  return [...lines.matchAll(/no transpile cache for StrippedTypeScript (\S+)/g)].map(([, file = ""]) => file);
}
