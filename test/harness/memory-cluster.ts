import { isDeepStrictEqual } from "node:util";
import {
  keyOf,
  keyText,
  type ClusterObject,
  type CustomObject,
  type Kind,
  type ObjectKey,
  type OfKind,
} from "../../cluster/object.ts";
import type { Cluster } from "../../cluster/port.ts";

/** A cluster in memory for unit tests: no validation, no defaults, writes counted. */
export interface MemoryCluster extends Cluster {
  /** Puts an object there as its user would; a changed spec raises the generation, a status is kept. */
  readonly put: (object: ClusterObject) => void;
  /** Takes an object away as its user would. */
  readonly remove: (key: ObjectKey) => void;
  /** Every object, sorted by key. */
  readonly all: () => readonly ClusterObject[];
  /** Writes through the port so far, those that changed nothing left out. */
  readonly writes: () => readonly string[];
}

/** An empty cluster. */
export function createMemoryCluster(): MemoryCluster {
  const objects = new Map<string, ClusterObject>();
  const watchers = new Set<(key: ObjectKey) => void>();
  const writes: string[] = [];
  let version = 0;

  const store = (object: ClusterObject): void => {
    version += 1;
    const key = keyText(keyOf(object));
    const before = objects.get(key);
    const { resourceVersion: _, ...metadata } = object.metadata;
    const generation = generationOf(before, object);
    objects.set(key, {
      ...object,
      metadata: {
        ...metadata,
        uid: before?.metadata.uid ?? `uid-${version}`,
        resourceVersion: String(version),
        ...(generation !== undefined && { generation }),
      },
    });
    for (const watcher of watchers) watcher(keyOf(object));
  };
  const wrote = (verb: string, object: ClusterObject): void => {
    writes.push(`${verb} ${keyText(keyOf(object))}`);
    store(object);
  };
  const drop = (key: ObjectKey): void => {
    if (objects.delete(keyText(key))) for (const watcher of watchers) watcher(key);
  };
  const all = (): readonly ClusterObject[] =>
    [...objects].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);

  return {
    get: <K extends Kind>(key: ObjectKey<K>) => objects.get(keyText(key)) as OfKind<K> | undefined,
    list: <K extends Kind>(kind: K) => all().filter((object) => object.kind === kind) as OfKind<K>[],
    watch(kinds, onChange) {
      const watcher = (key: ObjectKey): void => (kinds.includes(key.kind) ? onChange(key) : undefined);
      watchers.add(watcher);
      for (const kind of kinds) for (const object of all()) if (object.kind === kind) watcher(keyOf(object));
      return () => watchers.delete(watcher);
    },
    create(object) {
      if (objects.has(keyText(keyOf(object)))) return Promise.resolve("AlreadyExists");
      wrote("create", object);
      return Promise.resolve("Created");
    },
    apply(object) {
      const before = objects.get(keyText(keyOf(object)));
      const wanted = object.metadata.resourceVersion;
      if (wanted !== undefined && before?.metadata.resourceVersion !== wanted) return Promise.resolve("Conflict");
      if (before && sameContent(before, object)) return Promise.resolve("Done");
      wrote("apply", object);
      return Promise.resolve("Done");
    },
    applyStatus(object) {
      const before = objects.get(keyText(keyOf(object))) as CustomObject | undefined;
      if (before && !isDeepStrictEqual(before.status, object.status))
        wrote("status", { ...before, status: object.status });
      return Promise.resolve();
    },
    delete(key, uid, resourceVersion) {
      const before = objects.get(keyText(key));
      if (before === undefined) return Promise.resolve("Done");
      const { metadata } = before;
      const isOther = resourceVersion !== undefined && metadata.resourceVersion !== resourceVersion;
      if (metadata.uid !== uid || isOther) return Promise.resolve("Conflict");
      writes.push(`delete ${keyText(key)}`);
      drop(key);
      return Promise.resolve("Done");
    },
    put: (object) => store({ ...object, ...statusOf(objects.get(keyText(keyOf(object)))) }),
    remove: drop,
    all,
    writes: () => writes,
  };
}

function statusOf(object: ClusterObject | undefined): { readonly status?: unknown } {
  return object && "status" in object ? { status: object.status } : {};
}

function generationOf(before: ClusterObject | undefined, after: ClusterObject): number | undefined {
  if (!("spec" in after)) return undefined;
  const generation = before?.metadata.generation ?? 0;
  const same = before && "spec" in before && isDeepStrictEqual(before.spec, after.spec);
  return same ? generation : generation + 1;
}

function sameContent(before: ClusterObject, after: ClusterObject): boolean {
  return isDeepStrictEqual(contentOf(before), contentOf(after));
}

function contentOf({ metadata, ...rest }: ClusterObject): unknown {
  return { ...rest, labels: metadata.labels, annotations: metadata.annotations };
}
