import { LineCounter, parseAllDocuments } from "yaml";
import type { Document } from "yaml";
import { admit, defaultNamespace } from "../../crds/admit.ts";
import { customKinds } from "../../crds/committed.ts";
import { group } from "../../crds/group.ts";
import { isJsonObject } from "../../crds/json-value.ts";
import type { JsonObject } from "../../crds/json-value.ts";
import { problemAt } from "../../crds/problem.ts";
import type { AdmissionProblem } from "../../crds/problem.ts";
import type { ClusterObject, ObjectKey } from "../object.ts";
import { isCoreKind, readCoreObject } from "./core-object.ts";
import { badKey } from "./key-check.ts";
import { locate, positionAt } from "./locate.ts";
import type { Position } from "./locate.ts";
import type { Problem } from "./problem.ts";

/** An object that was read from a manifest, valid and defaulted, and where its document begins. */
export interface ManifestObject {
  readonly object: ClusterObject;
  readonly file: string;
  readonly position: Position;
}

/** What a file of manifests says. */
export interface ParsedFile {
  readonly objects: readonly ManifestObject[];
  readonly problems: readonly Problem[];
  /** Objects that have a problem, as far as they can be told. */
  readonly broken: readonly ObjectKey[];
  /** Whether there is a problem of which it can't be told what object it has: any might be meant. */
  readonly unclear: boolean;
}

/** The object that stood under a key so far, for rules on transitions. */
export type Before = (key: ObjectKey) => ClusterObject | undefined;

/** One YAML document with the means to say where things are in it. */
interface Source {
  readonly file: string;
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
}

/**
 * Reads a file of YAML or JSON manifests: several documents, several kinds. Every problem of every document is said;
 * the good documents stand beside the bad ones.
 */
export function parseManifests(file: string, text: string, before: Before = () => undefined): ParsedFile {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    uniqueKeys: false,
    logLevel: "error",
  });
  const parsed = [...documents].map((document) => parseDocument({ file, document, lines }, before));
  return {
    objects: parsed.flatMap(({ objects }) => objects),
    problems: parsed.flatMap(({ problems }) => problems),
    broken: parsed.flatMap(({ broken }) => broken),
    unclear: parsed.some(({ unclear }) => unclear),
  };
}

/** What stands for a file as a whole that cannot be read. */
export function unreadableFile(file: string, message: string): ParsedFile {
  return {
    objects: [],
    problems: [{ file, line: 1, column: 1, path: "", rule: "unreadable", message }],
    broken: [],
    unclear: true,
  };
}

function parseDocument(source: Source, before: Before): ParsedFile {
  const json = toJson(source);
  if ("problems" in json) return { objects: [], problems: json.problems, broken: [], unclear: true };
  if (json.value === null || json.value === undefined) return { objects: [], problems: [], broken: [], unclear: false };
  const key = keyOfJson(json.value);
  const read = readObject(json.value, key && before(key));
  if ("object" in read) {
    const position = locate(source.document, source.lines, []);
    return {
      objects: [{ object: read.object, file: source.file, position }],
      problems: [],
      broken: [],
      unclear: false,
    };
  }
  const problems = read.problems.map((problem) => located(source, problem, labelOf(json.value)));
  return { objects: [], problems, broken: key ? [key] : [], unclear: !key && !isForeign(json.value) };
}

function toJson({ file, document, lines }: Source): { value: unknown } | { problems: Problem[] } {
  const syntax = (offset: number, message: string): Problem => {
    return { file, ...positionAt(lines, offset), path: "", rule: "syntax", message: `not YAML: ${message}` };
  };
  // The first only: what follows is mostly its echo.
  const [wrong] = [...document.errors, ...document.warnings];
  if (wrong) return { problems: [syntax(wrong.pos[0], wrong.message)] };
  try {
    const bad = badKey(document);
    return bad ? { problems: [syntax(bad.offset, bad.message)] } : { value: document.toJS() };
  } catch (error) {
    return { problems: [syntax(document.range[0], error instanceof Error ? error.message : String(error))] };
  }
}

function readObject(
  value: unknown,
  before: ClusterObject | undefined,
): { object: ClusterObject } | { problems: readonly AdmissionProblem[] } {
  if (!isJsonObject(value)) return { problems: [problemAt([], "type", "must be a map with apiVersion and kind")] };
  const { kind, apiVersion } = value;
  const ours = customKinds.some((known) => known === kind) || String(apiVersion).startsWith(`${group}/`);
  if (!ours && !isCoreKind(kind)) return { problems: [unknownKind(value)] };
  const given = withClientFields(value);
  if (isCoreKind(kind)) return readCoreObject(given);
  const verdict = admit(given, before);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an AdmittedObject is one of the two custom objects
  return "object" in verdict ? { object: verdict.object as ClusterObject } : verdict;
}

function unknownKind({ kind, apiVersion }: JsonObject): AdmissionProblem {
  if (apiVersion === undefined) return problemAt(["apiVersion"], "required", "is required");
  if (kind === undefined) return problemAt(["kind"], "required", "is required");
  const known = [...customKinds, "Secret", "ConfigMap"].join(", ");
  return problemAt(["kind"], "enum", `must be one of ${known}, not ${JSON.stringify(kind)}`);
}

/** The object without what the server sets: its status, its uid and the like, as copies of live objects have them. */
function withClientFields(value: JsonObject): JsonObject {
  const { status: _, ...rest } = value;
  if (!isJsonObject(rest["metadata"])) return rest;
  const {
    uid: _uid,
    generation: _generation,
    resourceVersion: _version,
    creationTimestamp: _created,
    managedFields: _managed,
    selfLink: _link,
    ...metadata
  } = rest["metadata"];
  return { ...rest, metadata: { ...metadata, namespace: metadata["namespace"] ?? defaultNamespace } };
}

/** Whether a document is plainly an object of somebody else, such as a Deployment. */
function isForeign(value: unknown): boolean {
  if (!isJsonObject(value) || typeof value["apiVersion"] !== "string" || typeof value["kind"] !== "string")
    return false;
  return !value["apiVersion"].startsWith(`${group}/`) && !isCoreKind(value["kind"]);
}

/** The key that a document names, as far as it can be told; what is wrong with it otherwise does not matter. */
function keyOfJson(value: unknown): ObjectKey | undefined {
  if (!isJsonObject(value) || !isJsonObject(value["metadata"])) return undefined;
  const { name, namespace } = value["metadata"];
  const kind = [...customKinds, "Secret" as const, "ConfigMap" as const].find((known) => known === value["kind"]);
  if (kind === undefined || typeof name !== "string") return undefined;
  return { kind, name, namespace: typeof namespace === "string" ? namespace : defaultNamespace };
}

function labelOf(value: unknown): string | undefined {
  const key = keyOfJson(value);
  return key && `${key.kind} ${key.namespace}/${key.name}`;
}

function located({ file, document, lines }: Source, problem: AdmissionProblem, object: string | undefined): Problem {
  const { path, rule, message } = problem;
  const position = locate(document, lines, problem.place);
  return { file, ...position, ...(object === undefined ? {} : { object }), path, rule, message };
}
