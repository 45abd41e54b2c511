import { keyOf } from "./object.ts";
import type { ClusterObject, Kind, ObjectKey, OfKind } from "./object.ts";

/** Objects in memory, with watchers that are told of each change. */
export interface Cache {
  readonly get: <K extends Kind>(key: ObjectKey<K>) => OfKind<K> | undefined;
  readonly list: <K extends Kind>(kind: K) => readonly OfKind<K>[];
  readonly watch: (kinds: readonly Kind[], onChange: (key: ObjectKey) => void) => () => void;
  readonly set: (object: ClusterObject) => void;
  readonly remove: (key: ObjectKey) => void;
  /** Tells the watchers of an object as if it had changed. */
  readonly touch: (key: ObjectKey) => void;
}

/** Creates a cache. What a watcher throws goes to `onError` and disturbs nobody else. */
export function createCache(onError: (error: unknown) => void): Cache {
  const kinds: Record<Kind, Map<string, ClusterObject>> = {
    RelayTenant: new Map(),
    SendingDomain: new Map(),
    Secret: new Map(),
    ConfigMap: new Map(),
    DNSEndpoint: new Map(),
  };
  const sorted = new Map<Kind, readonly ClusterObject[]>();
  const watchers = new Set<(key: ObjectKey) => void>();

  const tell = (watcher: (key: ObjectKey) => void, key: ObjectKey): void => {
    try {
      watcher(key);
    } catch (error) {
      onError(error);
    }
  };
  const touch = (key: ObjectKey): void => {
    for (const watcher of watchers) tell(watcher, key);
  };
  const list = <K extends Kind>(kind: K): readonly OfKind<K>[] => {
    const known = sorted.get(kind) ?? [...kinds[kind].values()].toSorted(byName);
    sorted.set(kind, known);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only objects of the kind are kept under it
    return known as readonly OfKind<K>[];
  };
  return {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only objects of the kind are kept under it
    get: <K extends Kind>(key: ObjectKey<K>) => kinds[key.kind].get(place(key)) as OfKind<K> | undefined,
    list,
    watch(watched, onChange) {
      const watcher = (key: ObjectKey): void => {
        if (watched.includes(key.kind)) onChange(key);
      };
      watchers.add(watcher);
      for (const kind of watched) for (const object of list(kind)) tell(watcher, keyOf(object));
      return () => watchers.delete(watcher);
    },
    set(object) {
      const key = keyOf(object);
      kinds[key.kind].set(place(key), object);
      sorted.delete(key.kind);
      touch(key);
    },
    remove(key) {
      if (!kinds[key.kind].delete(place(key))) return;
      sorted.delete(key.kind);
      touch(key);
    },
    touch,
  };
}

function place({ namespace, name }: ObjectKey): string {
  return `${namespace}/${name}`;
}

function byName({ metadata: a }: ClusterObject, { metadata: b }: ClusterObject): number {
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}
