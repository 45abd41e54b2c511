/** Objects of one kind in all namespaces, followed by list and watch. */
import type { Api } from "../../../cluster/kubernetes/api.ts";
import { keyOf, type Stored } from "./pod.ts";

export interface Followed<T extends Stored> {
  get(namespace: string, name: string): T | undefined;
  all(): readonly T[];
}

export interface FollowOptions<T> {
  readonly api: Api;
  /** Such as `/api/v1/pods`. */
  readonly path: string;
  /** Called after each change; `gone` says that it was deleted. */
  readonly onChange: (object: T, gone: boolean) => void;
  readonly signal: AbortSignal;
}

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

/** Resolves when the first list is there; goes on until the signal is aborted, with a new list after whatever ended the watch. */
export async function follow<T extends Stored>(options: FollowOptions<T>): Promise<Followed<T>> {
  const { signal } = options;
  const objects = new Map<string, T>();
  let version = await list(options, objects);
  void (async () => {
    while (!signal.aborted) {
      try {
        version = await watch(options, objects, version);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 200));
        version = await list(options, objects).catch(() => version);
      }
    }
  })();
  return { get: (namespace, name) => objects.get(`${namespace}/${name}`), all: () => [...objects.values()] };
}

async function list<T extends Stored>(
  { api, path, onChange, signal }: FollowOptions<T>,
  objects: Map<string, T>,
): Promise<string> {
  const answer = await api.request({ method: "GET", path, signal });
  const { items, metadata } = answer as { items: readonly T[]; metadata: { resourceVersion: string } };
  const before = new Map(objects);
  objects.clear();
  for (const item of items) objects.set(keyOf(item), item);
  for (const [key, object] of before)
    if (objects.get(key)?.metadata.uid !== object.metadata.uid) onChange(object, true);
  for (const [key, object] of objects)
    if (before.get(key)?.metadata.resourceVersion !== object.metadata.resourceVersion) onChange(object, false);
  return metadata.resourceVersion;
}

/** Resolves to the version to go on from when the server ends the watch; rejects when a list is needed. */
async function watch<T extends Stored>(
  { api, path, onChange, signal }: FollowOptions<T>,
  objects: Map<string, T>,
  from: string,
): Promise<string> {
  let version = from;
  await api.stream(
    { method: "GET", path, query: { watch: "true", resourceVersion: from, allowWatchBookmarks: "true" }, signal },
    (line) => {
      const { type, object } = line as WatchEvent<T>;
      if (type === "ERROR") throw new Error("the watch is over");
      version = object.metadata.resourceVersion;
      if (type === "BOOKMARK") return;
      if (type === "DELETED") objects.delete(keyOf(object));
      else objects.set(keyOf(object), object);
      onChange(object, type === "DELETED");
    },
  );
  return version;
}
