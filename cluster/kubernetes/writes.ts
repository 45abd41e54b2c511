import { isDeepStrictEqual } from "node:util";
import { metadataProblems } from "../../crds/metadata.ts";
import type { Cache } from "../cache.ts";
import { keyOf, keyText } from "../object.ts";
import type { ClusterObject, CustomObject, ObjectKey } from "../object.ts";
import { Refused } from "../port.ts";
import type { Cluster, CreateResult, WriteResult } from "../port.ts";
import { isApiError, isNotFound } from "./api-error.ts";
import type { Api } from "./api.ts";
import { hasAll, isNone, refuseImmutable, removal, surplus, toRemove } from "./difference.ts";
import { encodeObject, fieldsOf, ownedKeys } from "./objects.ts";
import type { Decode, OwnedKeys } from "./objects.ts";
import { collectionPath, fieldManager, objectPath } from "./resources.ts";
import type { Store } from "./store.ts";
import type { Strays } from "./strays.ts";

/** What writing takes. */
export interface WriteParts {
  readonly api: Api;
  readonly cache: Cache;
  readonly store: Store;
  readonly strays: Strays;
  readonly decode: Decode;
}

/** Attempts at a write whose object changed between a look and the write. */
const mostAttempts = 3;

/** The writing half of the cluster: what the server answers is in the cache before a write resolves. */
export function kubernetesWrites(parts: WriteParts): Pick<Cluster, "create" | "apply" | "applyStatus" | "delete"> {
  return {
    create: (object) => create(parts, object),
    apply: (object) => apply(parts, object),
    applyStatus: (object) => applyStatus(parts, object),
    delete: (key, uid, resourceVersion) => remove(parts, key, { uid, resourceVersion }),
  };
}

async function create(parts: WriteParts, object: ClusterObject): Promise<CreateResult> {
  const key = keyOf(object);
  const [problem] = metadataProblems(object.metadata);
  if (problem) throw new Refused(`${keyText(key)}: ${problem.path}: ${problem.message}`);
  try {
    const answer = await parts.api.request({
      method: "POST",
      path: collectionPath(key.kind, key.namespace),
      query: { fieldManager },
      body: encodeObject(object),
    });
    take(parts, key, answer);
    return "Created";
  } catch (error) {
    if (!isApiError(error, 409) || error.reason !== "AlreadyExists") throw refused(error);
    await parts.strays.look(key);
    return "AlreadyExists";
  }
}

/**
 * What is not there is created, never patched into being: a patch would take what another made a moment ago. That is a
 * conflict, even if it has our label: whoever asked for this object did not know of it.
 */
async function apply(parts: WriteParts, object: ClusterObject): Promise<WriteResult> {
  const key = keyOf(object);
  const { resourceVersion } = object.metadata;
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const before = parts.cache.get(key);
    if (resourceVersion !== undefined && resourceVersion !== before?.metadata.resourceVersion) return "Conflict";
    if (before === undefined) {
      if ((await create(parts, object)) === "Created") return "Done";
      refuseForeign(parts, key);
      return "Conflict";
    }
    refuseForeign(parts, key);
    refuseImmutable(before, object);
    if (await isSo(parts, before, object)) return "Done";
    if ((await patch(parts, before, object)) === "Done") return "Done";
    await parts.strays.look(key);
    if (resourceVersion !== undefined) return "Conflict";
  }
  return "Conflict";
}

function refuseForeign({ cache, strays }: WriteParts, key: ObjectKey): void {
  const object = cache.get(key);
  if (object !== undefined && strays.isForeign(object))
    throw new Refused(`${keyText(key)} is there, and not Posthouse's`);
}

/** Whether nothing is to be written. Only labels and annotations that nobody wants now raise the question whose they are. */
async function isSo({ api }: WriteParts, now: ClusterObject, wanted: ClusterObject): Promise<boolean> {
  const extra = surplus(now, wanted);
  if (!hasAll(now, wanted) || extra.data.length > 0) return false;
  if (isNone(extra)) return true;
  const json = await api.request({ method: "GET", path: objectPath(keyOf(now)) });
  return isNone(toRemove(extra, ownedKeys(json)));
}

/** Server-side apply on that very object, and on that very version where one is named. */
async function patch(parts: WriteParts, before: ClusterObject, wanted: ClusterObject): Promise<WriteResult> {
  const key = keyOf(wanted);
  const { uid } = before.metadata;
  const { resourceVersion } = wanted.metadata;
  const keep = { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) };
  try {
    const answer = await parts.api.request({
      method: "PATCH",
      path: objectPath(key),
      query: { fieldManager, force: "true" },
      contentType: "application/apply-patch+yaml",
      body: encodeObject(wanted, keep),
    });
    await takeOut(parts, take(parts, key, answer), { wanted, owned: ownedKeys(answer) });
    return "Done";
  } catch (error) {
    if (isApiError(error, 404, 409)) return "Conflict";
    throw refused(error);
  }
}

/** An apply leaves what the object was created with, and what others have put in: what must go, goes now. */
async function takeOut(
  parts: WriteParts,
  now: ClusterObject,
  { wanted, owned }: { readonly wanted: ClusterObject; readonly owned: OwnedKeys },
): Promise<void> {
  const extra = toRemove(surplus(now, wanted), owned);
  if (isNone(extra)) return;
  const answer = await parts.api.request({
    method: "PATCH",
    path: objectPath(keyOf(now)),
    query: { fieldManager },
    contentType: "application/merge-patch+json",
    body: removal(extra, now.metadata.resourceVersion),
  });
  take(parts, keyOf(now), answer);
}

async function applyStatus(parts: WriteParts, object: CustomObject): Promise<void> {
  const key = keyOf(object);
  const before = parts.cache.get(key);
  if (before?.kind !== "RelayTenant" && before?.kind !== "SendingDomain") return;
  const { uid } = before.metadata;
  const isAnother = object.metadata.uid !== undefined && object.metadata.uid !== uid;
  const status: unknown = JSON.parse(JSON.stringify(object.status));
  if (isAnother || isDeepStrictEqual(before.status, status)) return;
  const { apiVersion, kind } = object;
  const { name, namespace } = key;
  try {
    const answer = await parts.api.request({
      method: "PATCH",
      path: `${objectPath(key)}/status`,
      query: { fieldManager, force: "true" },
      contentType: "application/apply-patch+yaml",
      body: { apiVersion, kind, metadata: { name, namespace, uid }, status },
    });
    take(parts, key, answer);
  } catch (error) {
    if (!isNotFound(error) && !isReplaced(parts, before, error)) throw refused(error);
  }
}

/** Whether a conflict tells that an object is gone or another one by now, as the cache knows. Any other conflict is temporary. */
function isReplaced({ cache }: WriteParts, before: ClusterObject, error: unknown): boolean {
  return isApiError(error, 409) && cache.get(keyOf(before))?.metadata.uid !== before.metadata.uid;
}

async function remove(
  parts: WriteParts,
  key: ObjectKey,
  { uid, resourceVersion }: { readonly uid: string; readonly resourceVersion: string | undefined },
): Promise<WriteResult> {
  try {
    const answer = await parts.api.request({
      method: "DELETE",
      path: objectPath(key),
      body: {
        apiVersion: "v1",
        kind: "DeleteOptions",
        propagationPolicy: "Background",
        preconditions: { uid, ...(resourceVersion !== undefined && { resourceVersion }) },
      },
    });
    // An object that somebody's finalizer holds is sent back; it is there until that is done.
    const isHeld = fieldsOf(fieldsOf(answer)["metadata"])["deletionTimestamp"] !== undefined;
    if (isHeld) take(parts, key, answer);
    else parts.store.gone(key, uid);
    return "Done";
  } catch (error) {
    if (isNotFound(error)) parts.store.gone(key, uid);
    if (isNotFound(error)) return "Done";
    if (!isApiError(error, 409)) throw refused(error);
    await parts.strays.look(key);
    return "Conflict";
  }
}

function take({ store, strays, decode }: WriteParts, key: ObjectKey, answer: unknown): ClusterObject {
  const object = decode(key.kind, answer);
  store.put(object);
  strays.wrote(object);
  return object;
}

/** What the server will never take, as the port has it. That an apply has a wrong type it calls an error of its own. */
function refused(error: unknown): unknown {
  const isMistyped = isApiError(error, 500) && error.message.includes("failed to create typed patch object");
  return isMistyped || isApiError(error, 400, 413, 422) ? new Refused(error.message) : error;
}
