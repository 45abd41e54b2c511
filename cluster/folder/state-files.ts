import { readFile, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { isJsonObject } from "../../crds/json-value.ts";
import type { JsonObject } from "../../crds/json-value.ts";
import { replaceFile, unfinishedSuffix } from "../../runtime/atomic-file.ts";
import { keyOf, keyText } from "../object.ts";
import type { ClusterObject, CustomObject, ObjectKey } from "../object.ts";
import { coreObjectJson, readCoreObject } from "./core-object.ts";
import type { CoreObject } from "./core-object.ts";
import { StateFolderError } from "./state-folder-error.ts";
import { recordFile, statusFile } from "./state-layout.ts";

/** Everything that a state folder holds. */
export interface State {
  /** Generated objects. */
  readonly generated: readonly CoreObject[];
  /** The objects of each file of manifests when it was last good, with their status. */
  readonly manifests: ReadonlyMap<string, readonly ClusterObject[]>;
}

/** A generated object as the text of its file. */
export function objectText(object: CoreObject): string {
  return stringify(coreObjectJson(object), { lineWidth: 0 });
}

/** Remembers the objects of a file of manifests; they can be read again unless that is broken, so no flush is waited for. */
export async function writeRecord(state: string, file: string, objects: readonly ClusterObject[]): Promise<void> {
  const bare = objects.map((object) => ({ ...object, status: undefined }));
  await replaceFile(recordFile(state, file), JSON.stringify({ file, objects: bare }), { durable: false });
}

/** Writes the status of a custom resource. */
export async function writeStatus(state: string, { apiVersion, kind, metadata, status }: CustomObject): Promise<void> {
  const { name, namespace, uid, generation, resourceVersion } = metadata;
  const head = { apiVersion, kind, metadata: { name, namespace, uid, generation, resourceVersion } };
  await replaceFile(statusFile(state, { kind, name, namespace }), stringify({ ...head, status }, { lineWidth: 0 }));
}

/** Reads a whole state folder. Throws a {@link StateFolderError} for a generated object that can't be read: it might be a key. */
export async function readState(state: string): Promise<State> {
  const statuses = await readStatuses(state);
  const records = await readAll(join(state, "last-good"), ".json");
  const manifests = new Map<string, readonly ClusterObject[]>();
  for (const { text } of records) {
    const record = jsonOf(text);
    if (!isJsonObject(record) || typeof record["file"] !== "string" || !Array.isArray(record["objects"])) continue;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as writeRecord wrote it
    const objects = record["objects"] as readonly ClusterObject[];
    manifests.set(
      record["file"],
      objects.map((object) => withStatus(object, statuses)),
    );
  }
  const generated = await readAll(join(state, "objects"), ".yaml");
  return { generated: generated.map(({ path, text }) => parseObject(path, text)), manifests };
}

/** Reads a generated object from its file, where another process may have created it. */
export async function readObjectFile(path: string): Promise<CoreObject> {
  return parseObject(path, await readFile(path, "utf8"));
}

/** Removes what a crash left unfinished. */
export async function removeUnfinished(state: string): Promise<void> {
  const names = await readdir(state, { recursive: true });
  for (const name of names) if (name.endsWith(unfinishedSuffix)) await unlink(join(state, name));
}

function parseObject(path: string, text: string): CoreObject {
  const json = jsonOf(text);
  const read = isJsonObject(json) ? readCoreObject(json) : undefined;
  if (read && "object" in read) return read.object;
  const [problem] = read?.problems ?? [];
  const why = problem ? `${problem.path}: ${problem.message}` : "it is not YAML";
  throw new StateFolderError(
    `${path} is damaged (${why}); restore it from a backup, or move it away to have it made anew`,
  );
}

/** The status of each custom resource, by key; what is damaged is left out, because status can be made again. */
async function readStatuses(state: string): Promise<ReadonlyMap<string, JsonObject>> {
  const files = await readAll(join(state, "status"), ".yaml");
  const statuses = new Map<string, JsonObject>();
  for (const { text } of files) {
    const json = jsonOf(text);
    if (!isJsonObject(json) || !isJsonObject(json["metadata"])) continue;
    const key = `${String(json["kind"])}/${String(json["metadata"]["namespace"])}/${String(json["metadata"]["name"])}`;
    statuses.set(key, json);
  }
  return statuses;
}

/** An object with its stored status, if that is of this very object and not of an earlier one of the name. */
function withStatus(object: ClusterObject, statuses: ReadonlyMap<string, JsonObject>): ClusterObject {
  if (object.kind !== "RelayTenant" && object.kind !== "SendingDomain") return object;
  const key: ObjectKey = keyOf(object);
  const stored = statuses.get(keyText(key));
  const metadata = isJsonObject(stored?.["metadata"]) ? stored["metadata"] : {};
  if (stored === undefined || metadata["uid"] !== object.metadata.uid)
    return { ...object, status: { observedGeneration: -1 } };
  const version = Math.max(Number(metadata["resourceVersion"]), Number(object.metadata.resourceVersion));
  const resourceVersion = Number.isFinite(version) ? String(version) : object.metadata.resourceVersion;
  return {
    ...object,
    metadata: { ...object.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    status: stored["status"],
  };
}

/** JSON or YAML; undefined if it is neither. */
function jsonOf(text: string): unknown {
  try {
    return text.startsWith("{") ? JSON.parse(text) : parse(text);
  } catch {
    return undefined;
  }
}

/** Every file below a folder whose name has an ending, with its text; none if there is no such folder. */
async function readAll(folder: string, ending: string): Promise<{ path: string; text: string }[]> {
  const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  });
  const paths = names.filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
  const files: { path: string; text: string }[] = [];
  const batch = 32;
  for (let i = 0; i < paths.length; i += batch) {
    files.push(
      ...(await Promise.all(
        paths.slice(i, i + batch).map(async (path) => ({ path, text: await readFile(path, "utf8") })),
      )),
    );
  }
  return files;
}
