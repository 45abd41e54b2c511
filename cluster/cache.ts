import { keyOf, keyText } from "./object.ts";
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
  /** Makes several changes, of which watchers are told when all are made. */
  readonly together: (change: () => void) => void;
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
  const { watchers, tell, touch, together } = createTelling(onError);
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
    together,
  };
}

type Watcher = (key: ObjectKey) => void;

interface Telling extends Pick<Cache, "touch" | "together"> {
  readonly watchers: Set<Watcher>;
  readonly tell: (watcher: Watcher, key: ObjectKey) => void;
}

function createTelling(onError: (error: unknown) => void): Telling {
  const watchers = new Set<Watcher>();
  let untold: Map<string, ObjectKey> | undefined;
  const tell = (watcher: Watcher, key: ObjectKey): void => {
    try {
      watcher(key);
    } catch (error) {
      onError(error);
    }
  };
  const touch = (key: ObjectKey): void => {
    if (untold !== undefined) untold.set(keyText(key), key);
    else for (const watcher of watchers) tell(watcher, key);
  };
  const together = (change: () => void): void => {
    const keys = new Map<string, ObjectKey>();
    untold = keys;
    try {
      change();
    } finally {
      untold = undefined;
      for (const key of keys.values()) touch(key);
    }
  };
  return { watchers, tell, touch, together };
}

function place({ namespace, name }: ObjectKey): string {
  return `${namespace}/${name}`;
}

function byName({ metadata: a }: ClusterObject, { metadata: b }: ClusterObject): number {
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}
