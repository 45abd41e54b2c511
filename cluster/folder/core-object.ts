import { isJsonObject } from "../../crds/json-value.ts";
import type { JsonObject } from "../../crds/json-value.ts";
import { metadataProblems } from "../../crds/metadata.ts";
import { problemAt } from "../../crds/problem.ts";
import type { AdmissionProblem } from "../../crds/problem.ts";
import type { ConfigMapObject, ObjectMeta, SecretObject } from "../object.ts";

/** A Secret or a ConfigMap. */
export type CoreObject = SecretObject | ConfigMapObject;

const fields: Readonly<Record<CoreObject["kind"], readonly string[]>> = {
  Secret: ["apiVersion", "kind", "metadata", "type", "immutable", "data", "stringData"],
  ConfigMap: ["apiVersion", "kind", "metadata", "immutable", "data"],
};
const dataKey = /^[-._a-zA-Z0-9]{1,253}$/;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Whether a kind is one of these. */
export function isCoreKind(kind: unknown): kind is CoreObject["kind"] {
  return kind === "Secret" || kind === "ConfigMap";
}

/**
 * Reads a core/v1 Secret or ConfigMap from its JSON form. Values of `data` of a Secret are decoded, `stringData` goes
 * over them; both must be UTF-8. The messages never show a value.
 */
export function readCoreObject(json: JsonObject): { object: CoreObject } | { problems: readonly AdmissionProblem[] } {
  const kind = json["kind"];
  if (!isCoreKind(kind)) return { problems: [problemAt(["kind"], "enum", "must be Secret or ConfigMap")] };
  const data: Record<string, string> = {};
  const problems = [...shapeProblems(kind, json), ...metadataProblems(json["metadata"])];
  const encoded = kind === "Secret" ? decode : plain;
  problems.push(...entries(json, "data", encoded, data), ...entries(json, "stringData", plain, data));
  if (problems.length > 0) return { problems };
  const immutable = json["immutable"] === true ? { immutable: true } : {};
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked by metadataProblems
  const common = { apiVersion: "v1", metadata: json["metadata"] as ObjectMeta, ...immutable, data };
  const type = typeof json["type"] === "string" ? json["type"] : "Opaque";
  return { object: kind === "Secret" ? { ...common, kind, type } : { ...common, kind } };
}

/** The JSON form of a Secret or ConfigMap, as `kubectl apply` takes it; Secrets with `stringData`, to be legible. */
export function coreObjectJson(object: CoreObject): JsonObject {
  const { apiVersion, kind, metadata, immutable, data } = object;
  const head = { apiVersion, kind, metadata, ...(immutable ? { immutable } : {}) };
  return object.kind === "Secret" ? { ...head, type: object.type, stringData: data } : { ...head, data };
}

function shapeProblems(kind: CoreObject["kind"], json: JsonObject): AdmissionProblem[] {
  const problems = Object.keys(json)
    .filter((name) => !fields[kind].includes(name))
    .map((name) => problemAt([name], "unknown-field", `is not a field here; known are ${fields[kind].join(", ")}`));
  if (json["apiVersion"] !== "v1") problems.push(problemAt(["apiVersion"], "enum", `must be v1 for a ${kind}`));
  if (json["type"] !== undefined && typeof json["type"] !== "string")
    problems.push(problemAt(["type"], "type", "must be a string"));
  if (json["immutable"] !== undefined && typeof json["immutable"] !== "boolean")
    problems.push(problemAt(["immutable"], "type", "must be true or false"));
  return problems;
}

/** Reads the entries of `data` or `stringData` into `into`. */
function entries(
  json: JsonObject,
  field: "data" | "stringData",
  read: (text: string) => string | undefined,
  into: Record<string, string>,
): AdmissionProblem[] {
  const map = json[field] ?? {};
  if (!isJsonObject(map)) return [problemAt([field], "type", "must be a map")];
  return Object.entries(map).flatMap(([name, value]) => {
    if (!dataKey.test(name)) return [problemAt([field, name], "pattern", "must be letters, digits, -, _ and .")];
    if (typeof value !== "string") return [problemAt([field, name], "type", "must be a string; quote it")];
    const text = read(value);
    if (text === undefined)
      return [problemAt([field, name], "format", "must be base64 of UTF-8; use stringData for plain text")];
    into[name] = text;
    return [];
  });
}

function plain(text: string): string {
  return text;
}

function decode(text: string): string | undefined {
  const packed = text.replaceAll(/\s/g, "");
  if (!base64.test(packed)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(packed, "base64"));
  } catch {
    return undefined;
  }
}
