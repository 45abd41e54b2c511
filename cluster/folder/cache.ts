import { keyOf, keyText } from "../object.ts";
import type { ClusterObject, Kind, ObjectKey, OfKind } from "../object.ts";

/** Objects in memory, with watchers that are told of each change. */
export interface Cache {
  readonly get: <K extends Kind>(key: ObjectKey<K>) => OfKind<K> | undefined;
  readonly list: <K extends Kind>(kind: K) => readonly OfKind<K>[];
  readonly watch: (kinds: readonly Kind[], onChange: (key: ObjectKey) => void) => () => void;
  readonly set: (object: ClusterObject) => void;
  readonly remove: (key: ObjectKey) => void;
}

/** Creates a cache. What a watcher throws goes to `onError` and disturbs nobody else. */
export function createCache(onError: (error: unknown) => void): Cache {
  const objects = new Map<string, ClusterObject>();
  const sorted = new Map<Kind, readonly ClusterObject[]>();
  const watchers = new Set<(key: ObjectKey) => void>();

  const tell = (watcher: (key: ObjectKey) => void, key: ObjectKey): void => {
    try {
      watcher(key);
    } catch (error) {
      onError(error);
    }
  };
  const changed = (key: ObjectKey): void => {
    sorted.delete(key.kind);
    for (const watcher of watchers) tell(watcher, key);
  };
  const list = <K extends Kind>(kind: K): readonly OfKind<K>[] => {
    const known = sorted.get(kind) ?? [...objects.values()].filter((object) => object.kind === kind).toSorted(byName);
    sorted.set(kind, known);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only objects of the kind are kept under it
    return known as readonly OfKind<K>[];
  };
  return {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kind is part of the key
    get: <K extends Kind>(key: ObjectKey<K>) => objects.get(keyText(key)) as OfKind<K> | undefined,
    list,
    watch(kinds, onChange) {
      const watcher = (key: ObjectKey): void => {
        if (kinds.includes(key.kind)) onChange(key);
      };
      watchers.add(watcher);
      for (const kind of kinds) for (const object of list(kind)) tell(watcher, keyOf(object));
      return () => watchers.delete(watcher);
    },
    set(object) {
      objects.set(keyText(keyOf(object)), object);
      changed(keyOf(object));
    },
    remove(key) {
      if (objects.delete(keyText(key))) changed(key);
    },
  };
}

function byName({ metadata: a }: ClusterObject, { metadata: b }: ClusterObject): number {
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}
