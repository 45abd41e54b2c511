import { compileRules } from "./cel-rules.ts";
import type { RuleChecker } from "./cel-rules.ts";
import { committedSchema, customKinds } from "./committed.ts";
import type { CustomKind } from "./committed.ts";
import { fillDefaults } from "./defaults.ts";
import { group, version } from "./group.ts";
import { isJsonObject } from "./json-value.ts";
import type { JsonObject } from "./json-value.ts";
import { metadataProblems } from "./metadata.ts";
import { problemAt } from "./problem.ts";
import type { AdmissionProblem } from "./problem.ts";
import { compileSchema } from "./schema-check.ts";
import type { SchemaChecker } from "./schema-check.ts";
import type { StructuralSchema } from "./structural-schema.ts";

/** A custom resource that was admitted: valid and defaulted. */
export interface AdmittedObject {
  readonly apiVersion: string;
  readonly kind: CustomKind;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: unknown;
  readonly status: unknown;
}

/** The verdict on an object: admitted, or what is wrong with it. */
export type Verdict = { readonly object: AdmittedObject } | { readonly problems: readonly AdmissionProblem[] };

/** What was compiled from the committed CRD of a kind. */
interface Checks {
  readonly schema: StructuralSchema;
  readonly checkSchema: SchemaChecker;
  readonly checkRules: RuleChecker;
}

/** The namespace of an object that names none, as kubectl's is without a context. */
export const defaultNamespace = "default";

const compiled = new Map<CustomKind, Checks>();

/** Compiles the committed CRD of a kind at its first use. */
function checksOf(kind: CustomKind): Checks {
  const found = compiled.get(kind);
  if (found) return found;
  const schema = committedSchema(kind);
  const checks = { schema, checkSchema: compileSchema(schema), checkRules: compileRules(schema) };
  compiled.set(kind, checks);
  return checks;
}

/**
 * The API server's verdict on a custom resource without one, by the committed CRDs: metadata, nulls and defaults,
 * strict schema validation, then CEL rules if nothing else is wrong. With `old`, the object as it stood before, rules
 * on transitions hold too. The object given is not changed.
 */
export function admit(object: unknown, old?: object): Verdict {
  if (!isJsonObject(object)) return { problems: [problemAt([], "type", "must be a map with apiVersion and kind")] };
  const kind = knownKind(object);
  if (typeof kind !== "string") return { problems: [kind] };
  const checks = checksOf(kind);
  const copy = normalised(object, checks.schema);
  const problems = [...metadataProblems(copy["metadata"]), ...checks.checkSchema({ ...copy, metadata: {} })];
  if (problems.length > 0) return { problems };
  const broken = checks.checkRules(copy, old && normalised({ ...old }, checks.schema));
  if (broken.length > 0) return { problems: broken };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- just checked against the schema
  return { object: copy as unknown as AdmittedObject };
}

function knownKind(object: JsonObject): CustomKind | AdmissionProblem {
  const { apiVersion } = object;
  if (apiVersion === undefined) return problemAt(["apiVersion"], "required", "is required");
  if (apiVersion !== `${group}/${version}`)
    return problemAt(["apiVersion"], "enum", `must be ${group}/${version}, not ${JSON.stringify(apiVersion)}`);
  if (object["kind"] === undefined) return problemAt(["kind"], "required", "is required");
  const kind = customKinds.find((known) => known === object["kind"]);
  return (
    kind ??
    problemAt(["kind"], "enum", `must be one of ${customKinds.join(", ")}, not ${JSON.stringify(object["kind"])}`)
  );
}

/** A copy with its namespace and every default filled in. */
function normalised(object: JsonObject, schema: StructuralSchema): JsonObject {
  const copy = structuredClone(object);
  const metadata = copy["metadata"];
  if (isJsonObject(metadata)) {
    for (const [name, value] of Object.entries(metadata)) if (value === null) delete metadata[name];
    metadata["namespace"] ??= defaultNamespace;
  }
  fillDefaults(copy, schema);
  return copy;
}
