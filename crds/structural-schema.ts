import { fillDefaults } from "./defaults.ts";
import type { Rule } from "./dialect.ts";

/** The subset of OpenAPI v3 that Posthouse's CRDs use: what Kubernetes calls a structural schema, without `additionalProperties`. */
export interface StructuralSchema {
  readonly type: "object" | "array" | "string" | "integer" | "boolean";
  readonly description?: string;
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly items?: StructuralSchema;
  readonly enum?: readonly string[];
  readonly format?: "date-time" | "duration";
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly "x-kubernetes-list-type"?: "map" | "set" | "atomic";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-validations"?: readonly Rule[];
}

/** Every keyword of {@link StructuralSchema} that is copied as it stands. */
const copied = new Set([
  "type",
  "description",
  "default",
  "enum",
  "format",
  "pattern",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "minimum",
  "maximum",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-validations",
]);
const types = new Set<unknown>(["object", "array", "string", "integer", "boolean"]);

/**
 * The structural schema of a typebox schema: a key that has a default is not required, because the API server fills it
 * before it validates. A default is said in full, with the defaults inside of it: the API server fills those in objects, but
 * evaluates the rules on the default as it stands when it admits the definition. Throws on whatever a structural schema cannot say (const, anyOf, $ref, additionalProperties, ...).
 */
export function structuralSchema(source: unknown, path = "schema"): StructuralSchema {
  const schema = asRecord(source, path);
  if (!types.has(schema["type"])) throw new Error(`${path}: a structural schema needs a plain type`);
  const out: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (copied.has(keyword)) out[keyword] = structuredClone(value);
    else if (keyword === "properties") out["properties"] = properties(value, path);
    else if (keyword === "items") out["items"] = structuralSchema(value, `${path}[]`);
    else if (keyword !== "required") throw new Error(`${path}: a structural schema cannot say ${keyword}`);
  }
  const required = requiredKeys(schema, asRecord(out["properties"] ?? {}, path));
  if (required.length > 0) out["required"] = required;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- built above from these keywords alone
  const built = out as unknown as StructuralSchema;
  fillDefaults(built.default, built);
  return built;
}

function properties(value: unknown, path: string): Record<string, StructuralSchema> {
  return Object.fromEntries(
    Object.entries(asRecord(value, path)).map(([name, schema]) => [name, structuralSchema(schema, `${path}.${name}`)]),
  );
}

function requiredKeys(schema: Record<string, unknown>, defined: Record<string, unknown>): string[] {
  const named: unknown[] = Array.isArray(schema["required"]) ? schema["required"] : [];
  return named
    .filter((name) => typeof name === "string")
    .filter((name) => !("default" in asRecord(defined[name], name)));
}

function asRecord(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${path}: not a schema`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- any object may be read as a record of unknowns
  return value as Record<string, unknown>;
}
