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

/** Milliseconds for which a watch may be so late that it tells of an object which we have deleted. */
const burial = 300_000;

/** Starts with what the cache has. `now` is in milliseconds. */
export function createStore(cache: Cache, now: () => number): Store {
  const buried = createGraves(now);

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

/**
 * The uids of what is gone. A uid is never used twice, but whoever said that it is gone may have been wrong: what is still told
 * of after a while is there.
 */
function createGraves(now: () => number): Pick<Set<string>, "has" | "delete"> & { add: (uid: string) => void } {
  const graves = new Map<string, number>();
  const isOver = (at: number): boolean => now() - at >= burial;
  return {
    has: (uid) => !isOver(graves.get(uid) ?? -Infinity),
    delete: (uid) => graves.delete(uid),
    add(uid) {
      // The oldest come first.
      for (const [other, at] of graves)
        if (isOver(at)) graves.delete(other);
        else break;
      graves.set(uid, now());
    },
  };
}

/** Sets an object whatever its version, if it is another one. */
function renew(cache: Cache, object: ClusterObject): void {
  const known = cache.get(keyOf(object))?.metadata;
  if (known?.uid !== object.metadata.uid || known?.resourceVersion !== object.metadata.resourceVersion)
    cache.set(object);
}
