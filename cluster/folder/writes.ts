import { isDeepStrictEqual } from "node:util";
import { createFile, removeFile, replaceFile } from "../../runtime/atomic-file.ts";
import { admit } from "../../crds/admit.ts";
import { metadataProblems } from "../../crds/metadata.ts";
import { keyOf, keyText } from "../object.ts";
import type { ClusterObject, CustomObject, ObjectKey, ObjectMeta } from "../object.ts";
import { Refused } from "../port.ts";
import type { Cluster, CreateResult, WriteResult } from "../port.ts";
import type { CoreObject } from "./core-object.ts";
import { stamp } from "./folder-parts.ts";
import type { FolderParts } from "./folder-parts.ts";
import { identify } from "./identity.ts";
import type { InTurn } from "./queues.ts";
import { objectText, readObjectFile, writeStatus } from "./state-files.ts";
import { objectFile } from "./state-layout.ts";

/** The writing half of a folder cluster. Writes to one object wait for each other, others do not. */
export function folderWrites(
  folder: FolderParts,
  inTurn: InTurn,
): Pick<Cluster, "create" | "apply" | "applyStatus" | "delete"> {
  return {
    create: (object) => inTurn(keyText(keyOf(object)), () => create(folder, ownable(folder, object))),
    apply: (object) => inTurn(keyText(keyOf(object)), () => apply(folder, ownable(folder, object))),
    applyStatus: (object) => inTurn(keyText(keyOf(object)), () => applyStatus(folder, object)),
    delete: (key, uid, resourceVersion) => inTurn(keyText(key), () => remove(folder, key, { uid, resourceVersion })),
  };
}

/** Refuses what can't be written here: what belongs to the manifests, and names that are none. */
function ownable({ owners }: FolderParts, object: ClusterObject): CoreObject {
  const name = keyText(keyOf(object));
  if (object.kind !== "Secret" && object.kind !== "ConfigMap")
    throw new Refused(`${name}: custom resources come from the manifests`);
  const [problem] = metadataProblems(object.metadata);
  if (problem) throw new Refused(`${name}: ${problem.path}: ${problem.message}`);
  const owner = owners.get(name);
  if (owner) throw new Refused(`${name} belongs to the manifest ${owner.file}`);
  return object;
}

async function create(folder: FolderParts, object: CoreObject): Promise<CreateResult> {
  const key = keyOf(object);
  if (folder.cache.get(key)) return "AlreadyExists";
  const path = objectFile(folder.state, key);
  const created = identify(undefined, object, stamp(folder));
  const first = await createFile(path, objectText(created));
  folder.cache.set(first ? created : await readObjectFile(path));
  return first ? "Created" : "AlreadyExists";
}

async function apply(folder: FolderParts, object: CoreObject): Promise<WriteResult> {
  const key = keyOf(object);
  const { resourceVersion } = object.metadata;
  const before = coreObject(folder, key);
  if (resourceVersion !== undefined && resourceVersion !== before?.metadata.resourceVersion) return "Conflict";
  if (!before) return (await create(folder, object)) === "Created" ? "Done" : "Conflict";
  const after = identify(before, object, stamp(folder));
  if (after === before) return "Done";
  refuseImmutable(before, after);
  await replaceFile(objectFile(folder.state, key), objectText(after));
  folder.cache.set(after);
  return "Done";
}

function coreObject({ cache }: FolderParts, key: ObjectKey): CoreObject | undefined {
  const object = cache.get(key);
  return object?.kind === "Secret" || object?.kind === "ConfigMap" ? object : undefined;
}

/** As in Kubernetes: the data of an immutable object, that it is immutable, and the type of any Secret never change. */
function refuseImmutable(before: CoreObject, after: CoreObject): void {
  const name = keyText(keyOf(before));
  if (before.kind === "Secret" && after.kind === "Secret" && before.type !== after.type)
    throw new Refused(`${name}: the type of a Secret is immutable`);
  if (!before.immutable) return;
  if (!after.immutable || !isDeepStrictEqual(before.data, after.data)) throw new Refused(`${name} is immutable`);
}

async function applyStatus(folder: FolderParts, object: CustomObject): Promise<void> {
  const key = keyOf(object);
  const before = customObject(folder, key, object.metadata.uid);
  if (!before) return;
  const status = admittedStatus(before, object.status);
  if (isDeepStrictEqual(before.status, status)) return;
  const resourceVersion = folder.nextVersion();
  await writeStatus(folder.state, { ...before, metadata: { ...before.metadata, resourceVersion }, status });
  // The manifest may have changed during the write, or gone: the status is all that was ours to set.
  const now = customObject(folder, key, before.metadata.uid);
  if (now) folder.cache.set({ ...now, metadata: { ...now.metadata, resourceVersion }, status });
}

function customObject({ cache }: FolderParts, key: ObjectKey, uid: string | undefined): CustomObject | undefined {
  const object = cache.get(key);
  const isIt = uid === undefined || uid === object?.metadata.uid;
  return isIt && (object?.kind === "RelayTenant" || object?.kind === "SendingDomain") ? object : undefined;
}

function admittedStatus(object: CustomObject, status: unknown): unknown {
  const verdict = admit({ ...object, status }, object);
  if ("object" in verdict) return verdict.object.status;
  const [problem] = verdict.problems;
  throw new Refused(`${keyText(keyOf(object))}: ${problem?.path}: ${problem?.message}`);
}

async function remove(
  folder: FolderParts,
  key: ObjectKey,
  { uid, resourceVersion }: Pick<ObjectMeta, "uid"> & { readonly resourceVersion: string | undefined },
): Promise<WriteResult> {
  const object = folder.cache.get(key);
  if (!object) return "Done";
  const { metadata } = object;
  const isOther = resourceVersion !== undefined && metadata.resourceVersion !== resourceVersion;
  if (metadata.uid !== uid || isOther) return "Conflict";
  const owner = folder.owners.get(keyText(key));
  if (owner) throw new Refused(`${keyText(key)} belongs to the manifest ${owner.file}`);
  await removeFile(objectFile(folder.state, key));
  folder.cache.remove(key);
  return "Done";
}
