import { keyOf, keyText } from "../object.ts";
import type { ClusterObject, ObjectKey } from "../object.ts";
import type { ManifestObject, ParsedFile } from "./parse-manifests.ts";
import type { Problem } from "./problem.ts";

/** A file, what it says, and what it said before that must stay because the file is partly broken. */
export interface FileEntry {
  readonly file: string;
  readonly parsed: ParsedFile;
  readonly kept: readonly ClusterObject[];
}

/** An object and the file that it comes from; without a position where it is kept from an earlier reading. */
export interface OwnedObject {
  readonly object: ClusterObject;
  readonly file: string;
  readonly position?: ManifestObject["position"];
}

/** What all files say together. */
export interface Merged {
  /** By {@link keyText}. */
  readonly objects: ReadonlyMap<string, OwnedObject>;
  readonly problems: readonly Problem[];
}

/**
 * Puts the files together. An object that stands twice counts where it stands first, in the order of file names; a
 * kept object counts only where no file has a good one.
 */
export function mergeFiles(entries: readonly FileEntry[]): Merged {
  const sorted = entries.toSorted((a, b) => (a.file < b.file ? -1 : 1));
  const objects = new Map<string, OwnedObject>();
  const problems: Problem[] = [];
  for (const { parsed } of sorted) {
    problems.push(...parsed.problems);
    for (const found of parsed.objects) {
      const first = objects.get(keyText(keyOf(found.object)));
      if (first) problems.push(duplicate(found, first));
      else objects.set(keyText(keyOf(found.object)), found);
    }
  }
  for (const { file, kept } of sorted) {
    for (const object of kept) {
      const key = keyText(keyOf(object));
      if (!objects.has(key)) objects.set(key, { object, file });
    }
  }
  return { objects, problems };
}

function duplicate({ object, file, position }: ManifestObject, first: OwnedObject): Problem {
  const line = first.position ? `, line ${first.position.line}` : "";
  return problemOf(
    { object, file, position },
    "duplicate",
    `stands already in ${first.file}${line}, which counts; remove one`,
  );
}

/** A problem of an object as a whole. */
export function problemOf({ object, file, position }: OwnedObject, rule: string, message: string): Problem {
  const { kind, namespace, name } = keyOf(object);
  const { line, column } = position ?? { line: 1, column: 1 };
  return { file, line, column, object: `${kind} ${namespace}/${name}`, path: "metadata.name", rule, message };
}

/**
 * The objects that must stay although a file does not say them now: those that it says badly, and if it can't be
 * told which those are, all that it said before. Nothing goes because it could not be read.
 */
export function keepLastGood(
  parsed: ParsedFile,
  before: readonly ClusterObject[],
  current: (key: ObjectKey) => ClusterObject | undefined,
): readonly ClusterObject[] {
  const good = new Set(parsed.objects.map(({ object }) => keyText(keyOf(object))));
  const kept = new Map<string, ClusterObject>();
  if (parsed.unclear) for (const object of before) kept.set(keyText(keyOf(object)), object);
  for (const key of parsed.broken) {
    const object = current(key);
    if (object) kept.set(keyText(key), object);
  }
  for (const key of good) kept.delete(key);
  return [...kept.values()];
}
