import { once } from "node:events";
import { basename, resolve } from "node:path";
import { watch } from "chokidar";
import type { Clock } from "../../runtime/clock.ts";
import type { ClusterObject, ObjectKey } from "../object.ts";
import { keepLastGood } from "./merge.ts";
import type { FileEntry } from "./merge.ts";
import { parseManifests, unreadableFile } from "./parse-manifests.ts";
import type { ParsedFile } from "./parse-manifests.ts";
import type { Problem } from "./problem.ts";
import { createRescanTimer } from "./rescan-timer.ts";
import type { Timing } from "./rescan-timer.ts";
import { isHidden, isInside, listManifests, readManifest } from "./scan.ts";
import type { ListedFile } from "./scan.ts";

/** What the reader of a folder of manifests needs. */
export interface ManifestsOptions {
  readonly root: string;
  /** A folder that is none of it, should it lie inside. */
  readonly except: string;
  readonly clock: Clock;
  /** The last good objects of each file, from an earlier run. */
  readonly remembered: ReadonlyMap<string, readonly ClusterObject[]>;
  /** The object of the manifests that stands now. */
  readonly current: (key: ObjectKey) => ClusterObject | undefined;
  /** Takes what the files say after each reading; the next reading waits for it. */
  readonly onRead: (entries: readonly FileEntry[], problems: readonly Problem[]) => Promise<void>;
  readonly onError: (error: unknown) => void;
  readonly timing?: Partial<Timing>;
}

/** Within this time after a change another one may leave the same signature, so the file is read again next time; milliseconds. */
const racy = 1000;

interface KnownFile extends FileEntry {
  readonly signature: string | undefined;
}

/** A folder of manifests that is watched. */
export interface Manifests {
  close(): Promise<void>;
}

/** Reads a folder of manifests, calls `onRead` before it resolves, and again after each change until it is closed. */
export async function watchManifests(options: ManifestsOptions): Promise<Manifests> {
  const known = new Map<string, KnownFile>();
  for (const [file, kept] of options.remembered) {
    known.set(file, { file, parsed: unreadableFile(file, "has not been read"), kept, signature: undefined });
  }
  const timer = createRescanTimer(options, async () => {
    const problems = await update(known, options);
    await options.onRead([...known.values()], problems);
  });
  const ignored = (path: string): boolean =>
    isInside(path, options.except) || (basename(path).startsWith(".") && resolve(path) !== resolve(options.root));
  const watcher = watch(options.root, { ignoreInitial: true, ignored });
  // Any word of a change will do, of whatever file: the folder is then read as it is.
  watcher.on("raw", timer.soon);
  watcher.on("all", timer.soon);
  watcher.on("error", options.onError);
  // Without a watch there are still the readings now and then; the error went to onError.
  await once(watcher, "ready").catch(() => undefined);
  await timer.now();
  return {
    async close() {
      await watcher.close();
      await timer.stop();
    },
  };
}

/** Brings what is known up to what the folder holds; the problems are those of no file that is known. */
async function update(known: Map<string, KnownFile>, options: ManifestsOptions): Promise<Problem[]> {
  const listing = await listManifests(options.root, options.except);
  for (const listed of listing.files) {
    const before = known.get(listed.file);
    if (before && before.signature === listed.signature) continue;
    known.set(listed.file, await reread(listed, before, options));
  }
  const there = new Set(listing.files.map(({ file }) => file));
  const gone = [...known.keys()].filter((file) => !there.has(file) && !isHidden(file, listing.unreadable));
  for (const file of gone) known.delete(file);
  // What was good and cannot be seen now stays as it is, and is read again when it can.
  return [...listing.unreadable].flatMap(([path, reason]) => {
    for (const [file, entry] of known) if (isHidden(file, new Map([[path, reason]]))) known.set(file, frozen(entry));
    return unreadableFile(path === "" ? options.root : path, `cannot be read: ${reason}`).problems;
  });
}

/** A file whose content can't be seen: all that it said is kept, and nothing of it is complained about. */
function frozen(entry: KnownFile): KnownFile {
  const parsed: ParsedFile = { objects: [], problems: [], broken: [], unclear: true };
  return { ...entry, parsed, kept: objectsOf(entry), signature: undefined };
}

async function reread(
  listed: ListedFile,
  before: KnownFile | undefined,
  options: ManifestsOptions,
): Promise<KnownFile> {
  const { file } = listed;
  const text = await readManifest(options.root, file);
  const parsed = typeof text === "string" ? parseManifests(file, text, options.current) : text;
  const settled = options.clock.now() - listed.changedAt > racy;
  return {
    file,
    parsed,
    kept: keepLastGood(parsed, before ? objectsOf(before) : [], options.current),
    signature: settled && typeof text === "string" ? listed.signature : undefined,
  };
}

function objectsOf({ parsed, kept }: FileEntry): readonly ClusterObject[] {
  return [...parsed.objects.map(({ object }) => object), ...kept];
}
