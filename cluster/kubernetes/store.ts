import type { Cache } from "../cache.ts";
import { keyOf } from "../object.ts";
import type { ClusterObject, ObjectKey } from "../object.ts";
import { covers, isAbout, type Source } from "./sources.ts";
import { isOlder } from "./versions.ts";

/**
 * The cache behind a set of sources, which may tell of the same object late and in any order: what our own writes have
 * put there never goes back, and what is deleted never rises again.
 */
export interface Store {
  /** Takes in an object as a watch, a write or a look has found it. */
  readonly put: (object: ClusterObject) => void;
  /** Takes in that a watch saw an object go, or leave its selection. */
  readonly left: (source: Source, object: ClusterObject) => void;
  /** Takes in that an object is gone for good. */
  readonly gone: (key: ObjectKey, uid: string) => void;
  /**
   * Takes in a complete list, as of a resourceVersion. `restored`: the cluster's versions have gone back, as after a
   * restored backup, so the list counts whatever was known.
   */
  readonly replace: (source: Source, list: CompleteList, restored: boolean) => void;
}

/** Everything that a source selects at one moment. */
export interface CompleteList {
  readonly objects: readonly ClusterObject[];
  readonly resourceVersion: string;
}

/** Starts with what the cache has. */
export function createStore(cache: Cache): Store {
  // A uid is never used twice, so what is said here of an object that is gone stays true.
  const buried = new Set<string>();

  const put = (object: ClusterObject): void => {
    const { uid = "", resourceVersion } = object.metadata;
    if (buried.has(uid)) return;
    const known = cache.get(keyOf(object));
    const isKnown = known?.metadata.resourceVersion === resourceVersion && known?.metadata.uid === uid;
    if (isKnown || (known && isOlder(resourceVersion, known.metadata.resourceVersion))) return;
    cache.set(object);
  };
  return {
    put,
    left(source, object) {
      const key = keyOf(object);
      const { uid = "", resourceVersion } = object.metadata;
      buried.delete(uid);
      const known = cache.get(key);
      if (known?.metadata.uid !== uid || isOlder(resourceVersion, known.metadata.resourceVersion)) return;
      // It left this selection for another one, which was quicker to tell.
      if (known.metadata.resourceVersion === resourceVersion && !covers(source, known)) return;
      cache.remove(key);
    },
    gone(key, uid) {
      buried.add(uid);
      if (cache.get(key)?.metadata.uid === uid) cache.remove(key);
    },
    replace(source, { objects, resourceVersion }, restored) {
      const names = new Set(objects.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
      for (const known of cache.list(source.kind)) {
        if (!covers(source, known) || names.has(`${known.metadata.namespace}/${known.metadata.name}`)) continue;
        if (restored || !isOlder(resourceVersion, known.metadata.resourceVersion)) cache.remove(keyOf(known));
      }
      for (const object of objects) {
        if (restored && isAbout(source, object.kind, object.metadata.namespace)) renew(cache, object);
        else put(object);
      }
    },
  };
}

/** Sets an object whatever its version, if it is another one. */
function renew(cache: Cache, object: ClusterObject): void {
  const known = cache.get(keyOf(object))?.metadata;
  if (known?.uid !== object.metadata.uid || known?.resourceVersion !== object.metadata.resourceVersion)
    cache.set(object);
}
