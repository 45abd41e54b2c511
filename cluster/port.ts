import type { ClusterObject, CustomObject, Kind, ObjectKey, OfKind } from "./object.ts";

/** What became of a `create`. `AlreadyExists` means: somebody was first, read what stands there. */
export type CreateResult = "Created" | "AlreadyExists";

/**
 * What became of an `apply` or `delete`. `Conflict` means: it is not of the resourceVersion that was named, it changed again and
 * again, or somebody has just made it where there was none; read again.
 */
export type WriteResult = "Done" | "Conflict";

/** A write was refused for good; the message says why and names the object. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly notWritten = true;
}

/** Whether an error says that nothing was written, and nothing will be. After any other a write may have been done, or be done yet. */
export function isNotWritten(error: unknown): boolean {
  return error instanceof Error && "notWritten" in error && error.notWritten === true;
}

/**
 * Where objects live: a Kubernetes API server or a folder of YAML. Reads come from a complete cache and never block;
 * writes resolve when they are durable and visible in that cache. Writes may reject with {@link Refused},
 * or with any other error, which is temporary; {@link isNotWritten} tells whether it may have been done all the same.
 */
export interface Cluster {
  /** The object as last seen, validated and defaulted. */
  get<K extends Kind>(key: ObjectKey<K>): OfKind<K> | undefined;
  /** Every object of a kind as last seen, in the order of namespace and name. */
  list<K extends Kind>(kind: K): readonly OfKind<K>[];
  /** Calls `onChange` with the key of each object that appears, changes or goes, first once for each that is there. Returns what ends it. */
  watch(kinds: readonly Kind[], onChange: (key: ObjectKey) => void): () => void;
  /** Creates the object if none of that name exists, atomically. */
  create(object: ClusterObject): Promise<CreateResult>;
  /**
   * Creates the object or makes it so (server-side apply, field manager `posthouse`); writes nothing if nothing differs.
   * With `metadata.resourceVersion` set it changes only that very version. What was not there before and is now is left as it is.
   */
  apply(object: ClusterObject): Promise<WriteResult>;
  /** Replaces the status of a custom resource; writes nothing if nothing differs or the object is gone. */
  applyStatus(object: CustomObject): Promise<void>;
  /**
   * Deletes the object if it is still the one of this uid and, where one is named, of this resourceVersion; else `Conflict`.
   * It is no error when it is gone.
   */
  delete(key: ObjectKey, uid: string, resourceVersion?: string): Promise<WriteResult>;
}
