import { removeFile } from "../../runtime/atomic-file.ts";
import { keyOf, keyText } from "../object.ts";
import type { ClusterObject } from "../object.ts";
import { stamp } from "./folder-parts.ts";
import type { FolderParts, Owner } from "./folder-parts.ts";
import { identify } from "./identity.ts";
import { mergeFiles, problemOf } from "./merge.ts";
import type { FileEntry, OwnedObject } from "./merge.ts";
import type { Problem } from "./problem.ts";
import { reasonOf } from "./scan.ts";
import { writeRecord } from "./state-files.ts";
import { recordFile, statusFile } from "./state-layout.ts";

/**
 * Makes the cluster hold what the manifests say: objects appear, change and go, and what each file said is
 * remembered in the state folder. Returns everything that is wrong with the manifests.
 */
export async function adoptManifests(folder: FolderParts, entries: readonly FileEntry[]): Promise<readonly Problem[]> {
  const { objects, problems } = mergeFiles(entries);
  const refused = [...objects.values()].flatMap((found) => adopt(folder, found));
  const gone = [...folder.owners].filter(([key]) => !objects.has(key));
  for (const [, owner] of gone) await letGo(folder, owner);
  return [...problems, ...refused, ...(await remember(folder))];
}

function adopt(folder: FolderParts, found: OwnedObject): Problem[] {
  const { cache, owners, unremembered } = folder;
  const key = keyText(keyOf(found.object));
  const before = cache.get(keyOf(found.object));
  const owner = owners.get(key);
  if (before && owner === undefined)
    return [problemOf(found, "duplicate", "was made by Posthouse; give this one another name")];
  const after = identify<ClusterObject>(before, found.object, stamp(folder));
  if (after === before && owner?.file === found.file) return [];
  unremembered.add(found.file);
  if (owner) unremembered.add(owner.file);
  owners.set(key, { key: keyOf(found.object), file: found.file });
  if (after !== before) cache.set(after);
  return [];
}

/** Lets an object go that no file says any more, and its status with it. */
async function letGo({ state, cache, owners, unremembered, log }: FolderParts, { key, file }: Owner): Promise<void> {
  owners.delete(keyText(key));
  unremembered.add(file);
  cache.remove(key);
  await removeFile(statusFile(state, key)).catch((err: unknown) =>
    log.warn({ err, key }, "an old status stays behind"),
  );
}

/** Writes down the last good objects of each file that changed; what fails is tried again at the next reading. */
async function remember({ state, cache, owners, unremembered }: FolderParts): Promise<Problem[]> {
  const said = new Map<string, ClusterObject[]>([...unremembered].map((file) => [file, []]));
  for (const { key, file } of owners.values()) {
    const object = cache.get(key);
    if (object) said.get(file)?.push(object);
  }
  const problems: Problem[] = [];
  for (const [file, objects] of said) {
    try {
      await (objects.length === 0 ? removeFile(recordFile(state, file)) : writeRecord(state, file, objects));
      unremembered.delete(file);
    } catch (error) {
      const message = `cannot be remembered in the state folder (${reasonOf(error)}); it would be lost if the file broke before the next start`;
      problems.push({ file, line: 1, column: 1, path: "", rule: "unreadable", message });
    }
  }
  return problems;
}
