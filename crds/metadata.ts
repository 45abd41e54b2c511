import { Ajv } from "ajv";
import type { ErrorObject, ValidateFunction } from "ajv";
import { isJsonObject } from "./json-value.ts";
import { oneEachPlace, problemAt } from "./problem.ts";
import type { AdmissionProblem } from "./problem.ts";

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const qualifiedName = `^(${label}(\\.${label})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`;
const stringMap = {
  type: "object",
  additionalProperties: { type: "string" },
  propertyNames: { pattern: qualifiedName },
};

/** `metadata` as clients may send it (metav1.ObjectMeta); what the server sets is let through unchecked. */
const objectMeta = {
  type: "object",
  required: ["name", "namespace"],
  additionalProperties: false,
  properties: {
    name: { type: "string", minLength: 1, maxLength: 253, pattern: `^${label}(\\.${label})*$` },
    namespace: { type: "string", minLength: 1, maxLength: 63, pattern: `^${label}$` },
    labels: {
      ...stringMap,
      additionalProperties: { type: "string", pattern: "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$" },
    },
    annotations: stringMap,
    finalizers: { type: "array", items: { type: "string" } },
    ownerReferences: { type: "array" },
    managedFields: { type: "array" },
    uid: {},
    resourceVersion: {},
    generation: {},
    creationTimestamp: {},
    deletionTimestamp: {},
    deletionGracePeriodSeconds: {},
    selfLink: {},
  },
};

let compiled: ValidateFunction | undefined;

/** Compiled at the first object: nobody who has none to judge waits for that. */
function validator(): ValidateFunction {
  return (compiled ??= new Ajv({
    allErrors: true,
    strict: true,
    strictRequired: false,
    code: { optimize: false },
  }).compile(objectMeta));
}

/** What is wrong with an object's `metadata`: name (RFC 1123 subdomain), namespace (RFC 1123 label), labels, annotations. */
export function metadataProblems(metadata: unknown): readonly AdmissionProblem[] {
  // As the API server has it, for which an object without metadata has empty one.
  if (metadata === undefined || metadata === null) return [problemAt(["metadata", "name"], "required", "is required")];
  if (!isJsonObject(metadata)) return [problemAt(["metadata"], "type", "must be a map")];
  const validate = validator();
  if (validate(metadata)) return [];
  return oneEachPlace((validate.errors ?? []).map(fromAjv));
}

function fromAjv(error: ErrorObject): AdmissionProblem {
  const segments = error.instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const place = ["metadata", ...segments];
  const params: Record<string, unknown> = error.params;
  switch (error.keyword) {
    case "required":
      return problemAt([...place, String(params["missingProperty"])], "required", "is required");
    case "additionalProperties":
      return problemAt([...place, String(params["additionalProperty"])], "unknown-field", "is not a field of metadata");
    case "propertyNames":
    case "pattern":
      return problemAt([...place, ...named(error)], "pattern", meaning(segments, error.propertyName !== undefined));
    case "type":
      return problemAt(
        place,
        "type",
        `must be a ${String(params["type"])}; quote it if it looks like a number or a switch`,
      );
    default:
      return problemAt(place, error.keyword, error.message ?? `breaks ${error.keyword}`);
  }
}

/** The name of a map's key, where the error is about that. */
function named(error: ErrorObject): string[] {
  const name: unknown = error.propertyName ?? error.params["propertyName"];
  return typeof name === "string" ? [name] : [];
}

function meaning(segments: readonly string[], isKey: boolean): string {
  if (segments[0] === "name") return "must be lower-case letters, digits, - and ., as in a host name";
  if (segments[0] === "namespace") return "must be lower-case letters, digits and -";
  return isKey ? "is not a label or annotation key" : "is not a label value: letters, digits, -, _ and ., at most 63";
}
