import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { apiReference } from "./api-reference.ts";
import { customResourceDefinition, definitions, objectSchema } from "./definition.ts";
import { group } from "./group.ts";
import { checkRule } from "./rule-check.ts";
import type { StructuralSchema } from "./structural-schema.ts";

/** The folder of the CRDs, and of the API reference. */
const crdFolder = new URL("./generated/", import.meta.url);
const referenceFolder = new URL("../docs/reference/", import.meta.url);

/** A file to be written, and where. */
export interface GeneratedFile {
  readonly url: URL;
  readonly text: string;
}

/** Every file that is generated from the schemas. Throws if a CEL rule is one that the API server would refuse. */
export function generatedFiles(): readonly GeneratedFile[] {
  const crds = definitions.map((definition) => {
    refuseBadRules(objectSchema(definition), definition.kind);
    const head = "# Generated from crds/*.ts by `npm run generate`; changes made here are lost.\n";
    const body = stringify(customResourceDefinition(definition), { sortMapEntries: true, lineWidth: 0 });
    return { url: new URL(`${definition.plural}.${group}.yaml`, crdFolder), text: head + body };
  });
  return [...crds, { url: new URL("api.md", referenceFolder), text: apiReference(definitions) }];
}

function refuseBadRules(schema: StructuralSchema, path: string, times = 1): void {
  for (const { rule } of schema["x-kubernetes-validations"] ?? []) {
    const [problem] = checkRule(rule, schema, times).problems;
    if (problem !== undefined) throw new Error(`${path}: rule ${rule}: ${problem}`);
  }
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    refuseBadRules(property, `${path}.${name}`, times);
  if (schema.items) refuseBadRules(schema.items, `${path}[]`, times * (schema.maxItems ?? Infinity));
}

/** Writes {@link generatedFiles}, and removes what an earlier run wrote and this one did not. */
function generate(): void {
  const files = generatedFiles();
  mkdirSync(crdFolder, { recursive: true });
  mkdirSync(referenceFolder, { recursive: true });
  for (const name of readdirSync(crdFolder)) {
    const url = new URL(name, crdFolder);
    if (!files.some((file) => file.url.href === url.href)) rmSync(url);
  }
  for (const file of files) writeFileSync(file.url, file.text);
}

if (import.meta.main) generate();
