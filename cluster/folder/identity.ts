import { isDeepStrictEqual } from "node:util";
import type { ClusterObject, ObjectMeta } from "../object.ts";

/** What the cluster gives to an object that is written. */
export interface Stamp {
  /** For an object that is new. */
  readonly uid: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly resourceVersion: string;
}

/**
 * An object as it stands after a write: with the identity of the one before it, or a new one. It is `before` itself
 * if nothing of it changes. `generation` rises with each change of a spec; the status stays as it was.
 */
export function identify<T extends ClusterObject>(before: T | undefined, given: T, stamp: Stamp): T {
  const metadata: ObjectMeta = {
    name: given.metadata.name,
    namespace: given.metadata.namespace,
    uid: before?.metadata.uid ?? stamp.uid,
    ...generationOf(before, given),
    resourceVersion: before?.metadata.resourceVersion ?? stamp.resourceVersion,
    creationTimestamp: before?.metadata.creationTimestamp ?? new Date(stamp.now).toISOString().replace(/\.\d+Z$/, "Z"),
    ...pick("labels", given.metadata.labels),
    ...pick("annotations", given.metadata.annotations),
  };
  const next: T = { ...given, metadata, ...(before && "status" in before ? { status: before.status } : {}) };
  if (before && isDeepStrictEqual(plain(before), plain(next))) return before;
  return { ...next, metadata: { ...metadata, resourceVersion: stamp.resourceVersion } };
}

function generationOf(before: ClusterObject | undefined, given: ClusterObject): { generation?: number } {
  if (!("spec" in given)) return {};
  const last = before?.metadata.generation ?? 0;
  const changed = !before || !("spec" in before) || !isDeepStrictEqual(plain(before.spec), plain(given.spec));
  return { generation: changed ? last + 1 : last };
}

/** Labels and annotations are left out when there are none, so that `{}` and nothing are the same. */
function pick(name: "labels" | "annotations", map: Readonly<Record<string, string>> | undefined): Partial<ObjectMeta> {
  return map && Object.keys(map).length > 0 ? { [name]: map } : {};
}

/** A value as it comes back from a file: without members that are undefined. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}
