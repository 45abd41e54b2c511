import { Ajv } from "ajv";
import type { ErrorObject } from "ajv";
import { isDateTime } from "./date-time.ts";
import { isJsonObject, itemKey } from "./json-value.ts";
import { oneEachPlace, problemAt } from "./problem.ts";
import type { AdmissionProblem, Place } from "./problem.ts";
import type { StructuralSchema } from "./structural-schema.ts";

const duration = /^-?([0-9]+(\.[0-9]+)?(h|m|s|ms|us|ns))+$/;

/** Says what in a defaulted value a schema forbids. */
export type SchemaChecker = (value: unknown) => readonly AdmissionProblem[];

/**
 * Compiles a schema for strict validation: unknown fields are errors, items of list maps and list sets differ. A place
 * has one problem at most.
 */
export function compileSchema(schema: StructuralSchema): SchemaChecker {
  const ajv = new Ajv({ allErrors: true, strict: true, verbose: true, code: { optimize: false } });
  ajv.addVocabulary(["x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-validations"]);
  ajv.addFormat("date-time", isDateTime);
  ajv.addFormat("duration", duration);
  const validate = ajv.compile(closed(schema));
  return (value) => {
    const fromSchema = validate(value) ? [] : (validate.errors ?? []).map((error) => fromAjv(error, value));
    return oneEachPlace([...fromSchema, ...duplicates(value, schema, [])]);
  };
}

/** The schema with every object closed to fields that it does not declare. */
function closed(schema: StructuralSchema): Record<string, unknown> {
  const { properties, items, ...rest } = schema;
  const out: Record<string, unknown> = { ...rest };
  if (items) out["items"] = closed(items);
  if (properties) {
    out["additionalProperties"] = false;
    out["properties"] = Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, closed(each)]));
  }
  return out;
}

function fromAjv(error: ErrorObject, root: unknown): AdmissionProblem {
  const place = placeOf(error.instancePath, root);
  const params: Record<string, unknown> = error.params;
  switch (error.keyword) {
    case "required":
      return problemAt([...place, String(params["missingProperty"])], "required", "is required");
    case "additionalProperties":
      return problemAt([...place, String(params["additionalProperty"])], "unknown-field", unknownField(error));
    case "enum":
      return problemAt(place, "enum", `must be one of ${words(error.schema)}, not ${quote(error.data)}`);
    case "pattern":
      return problemAt(place, "pattern", `${quote(error.data)} does not match ${String(params["pattern"])}`);
    case "format":
      return problemAt(place, "format", `${quote(error.data)} is not a ${String(params["format"])} (RFC 3339)`);
    case "type":
      return problemAt(place, "type", `must be of type ${String(params["type"])}, not ${quote(error.data)}`);
    default:
      return problemAt(place, error.keyword, error.message ?? `breaks ${error.keyword}`);
  }
}

function unknownField(error: ErrorObject): string {
  const known = isJsonObject(error.parentSchema?.["properties"]) ? Object.keys(error.parentSchema["properties"]) : [];
  return `is not a field here; known are ${known.join(", ")}`;
}

function words(schema: unknown): string {
  return Array.isArray(schema) ? schema.join(", ") : "";
}

/** A value in a message: JSON, cut short. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** A JSON pointer (RFC 6901) into a value as segments. */
function placeOf(pointer: string, root: unknown): Place {
  let at = root;
  return pointer
    .split("/")
    .slice(1)
    .map((part) => {
      const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
      const segment = Array.isArray(at) ? Number(name) : name;
      at = Array.isArray(at) ? at[Number(name)] : isJsonObject(at) ? at[name] : undefined;
      return segment;
    });
}

function duplicates(value: unknown, schema: StructuralSchema, place: Place): AdmissionProblem[] {
  if (isJsonObject(value)) {
    return Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
      Object.hasOwn(value, name) ? duplicates(value[name], property, [...place, name]) : [],
    );
  }
  if (!Array.isArray(value)) return [];
  const listType = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const seen = new Set<string>();
  return value.flatMap((item: unknown, index) => {
    const key = listType === "map" ? itemKey(item, keys) : JSON.stringify(item);
    const again = listType !== undefined && listType !== "atomic" && seen.has(key);
    seen.add(key);
    const inside = schema.items ? duplicates(item, schema.items, [...place, index]) : [];
    if (!again) return inside;
    const message = listType === "map" ? `has the same ${keys.join(", ")} as an item before it` : "is there twice";
    return [problemAt([...place, index], "x-kubernetes-list-type", message), ...inside];
  });
}
