import type { Kind, ObjectKey, OfKind } from "../object.ts";
import { createCache } from "../cache.ts";
import { unusable, refuseOpenFolder } from "./state-folder.ts";
import { readState } from "./state-files.ts";

/** The objects of a folder cluster as they were last written. */
export interface FolderState {
  get<K extends Kind>(key: ObjectKey<K>): OfKind<K> | undefined;
  list<K extends Kind>(kind: K): readonly OfKind<K>[];
}

/**
 * Reads a state folder without its lock and without watching, also while another process holds it: for commands that
 * look. Throws a StateFolderError that says what to do if it cannot be read.
 */
export async function readFolderState(state: string): Promise<FolderState> {
  try {
    await refuseOpenFolder(state);
    const { generated, manifests } = await readState(state);
    const cache = createCache(() => undefined);
    for (const object of [...[...manifests.values()].flat(), ...generated]) cache.set(object);
    return cache;
  } catch (error) {
    throw unusable(state, error);
  }
}
