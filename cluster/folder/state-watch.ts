import { readdir, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { makeFolder, replaceFile } from "../../runtime/atomic-file.ts";
import { keyOf, keyText } from "../object.ts";
import type { ObjectKey } from "../object.ts";
import { isCoreKind } from "./core-object.ts";
import type { CoreObject } from "./core-object.ts";
import { stamp } from "./folder-parts.ts";
import type { FolderParts } from "./folder-parts.ts";
import { createFolderWatch } from "./folder-watch.ts";
import type { FolderWatch } from "./folder-watch.ts";
import { identify } from "./identity.ts";
import type { InTurn } from "./queues.ts";
import { createRescanTimer } from "./rescan-timer.ts";
import type { Timing } from "./rescan-timer.ts";
import { reasonOf } from "./scan.ts";
import { objectText, readObjectFile } from "./state-files.ts";
import { StateFolderError } from "./state-folder-error.ts";
import { objectFile, objectsFolder } from "./state-layout.ts";

/** What a watch of generated objects needs beside the parts of the folder. */
export interface StateWatchOptions {
  readonly folder: FolderParts;
  /** The turns in which objects are written, so that no half of a write is seen. */
  readonly inTurn: InTurn;
  readonly timing?: Partial<Timing>;
}

/** Generated objects that are watched in their files. */
export interface StateWatch {
  close(): Promise<void>;
}

interface Watched extends StateWatchOptions {
  readonly folders: FolderWatch;
  /** Which folder of objects was opened. Another in its place, such as that of a disk that is not mounted, tells nothing. */
  readonly root: string;
  /** What each file was like when it was last read, by path. */
  readonly signatures: Map<string, string>;
  /** Files of which there was word; none means that all are to be looked at. */
  readonly touched: Set<string>;
  /** Whether a folder has come or gone. */
  isMoved: boolean;
}

/**
 * Notices what a hand does to the files of generated objects: one that is deleted is gone, one that is changed is so from
 * then on, one that is put there is new. What cannot be read stays as it was. The cache must hold what the files say.
 */
export async function watchState(options: StateWatchOptions): Promise<StateWatch> {
  const { clock, log, state } = options.folder;
  await makeFolder(objectsFolder(state));
  const onError = (err: unknown): void =>
    log.error({ err }, "the state folder cannot be watched; it is read every now and then");
  const folders = createFolderWatch((folder, name) => {
    if (name?.startsWith(".")) return;
    if (name?.endsWith(".yaml")) watched.touched.add(join(folder, name));
    else watched.isMoved = true;
    timer.soon();
  }, onError);
  const root = await rootOf(state);
  const watched: Watched = { ...options, folders, root, signatures: new Map(), touched: new Set(), isMoved: false };
  const timer = createRescanTimer({ clock, onError, timing: options.timing ?? {} }, () => look(watched));
  await rememberLoaded(watched);
  await timer.now().catch(onError);
  return {
    async close() {
      await timer.stop();
      folders.close();
    },
  };
}

async function look(watched: Watched): Promise<void> {
  if ((await rootOf(watched.folder.state)) !== watched.root) throw new Error(otherRoot);
  const touched = [...watched.touched];
  const isAll = touched.length === 0 || watched.isMoved;
  watched.touched.clear();
  watched.isMoved = false;
  const paths = isAll ? await listAll(watched) : touched;
  const batch = 32;
  for (let i = 0; i < paths.length; i += batch)
    await Promise.all(paths.slice(i, i + batch).map((path) => lookAt(watched, path)));
}

const otherRoot =
  "the folder of generated objects is not the one that was opened: nothing in it counts before a restart";

/** Another one means another folder. */
async function rootOf(state: string): Promise<string> {
  const { dev, ino } = await stat(objectsFolder(state), { bigint: true });
  return `${dev}:${ino}`;
}

/** Every file that there is, and every file that there should be. A folder is watched before it is listed, so that nothing falls between. */
async function listAll({ folder, folders, signatures }: Watched): Promise<string[]> {
  const files = new Set(signatures.keys());
  const seen = new Set<string>();
  const visit = async (path: string, depth: number): Promise<void> => {
    seen.add(path);
    folders.add(path);
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (depth < 2 && entry.isDirectory()) await visit(join(path, entry.name), depth + 1).catch(unlessGone);
      if (depth === 2 && entry.name.endsWith(".yaml")) files.add(join(path, entry.name));
    }
  };
  await visit(objectsFolder(folder.state), 0);
  folders.keep(seen);
  for (const { key } of generated(folder)) files.add(objectFile(folder.state, key));
  return [...files];
}

/** What was loaded just now need not be read again, unless it has no identity yet. */
async function rememberLoaded({ folder, signatures }: Watched): Promise<void> {
  for (const { key, uid } of generated(folder)) {
    const path = objectFile(folder.state, key);
    const signature = await signatureOf(path);
    if (signature !== undefined && uid !== undefined) signatures.set(path, signature);
  }
}

function generated({ cache, owners }: FolderParts): readonly { key: ObjectKey; uid: string | undefined }[] {
  return [...cache.list("Secret"), ...cache.list("ConfigMap")]
    .map((object) => ({ key: keyOf(object), uid: object.metadata.uid }))
    .filter(({ key }) => !owners.has(keyText(key)));
}

async function lookAt(watched: Watched, path: string): Promise<void> {
  const { folder, inTurn, signatures } = watched;
  const signature = await signatureOf(path);
  if (signature !== undefined && signature === signatures.get(path)) return;
  const key = keyAt(folder, path) ?? (await readOrTell(folder, path).then((found) => found && keyOf(found)));
  if (key !== undefined && objectFile(folder.state, key) === path)
    await inTurn(keyText(key), () => (signature === undefined ? dropIfGone(watched, key) : takeIn(folder, path)));
  if (signature === undefined) signatures.delete(path);
  else signatures.set(path, signature);
}

/** The object whose file has a path; undefined for a name so long that the path does not tell it. */
function keyAt(folder: FolderParts, path: string): ObjectKey | undefined {
  const [namespace = "", kind, file = ""] = relative(objectsFolder(folder.state), path).split(sep);
  if (!isCoreKind(kind)) return undefined;
  const key = { kind, namespace, name: basename(file, ".yaml") };
  if (objectFile(folder.state, key) === path) return key;
  return generated(folder).find((each) => objectFile(folder.state, each.key) === path)?.key;
}

/** Asks again, since a write of our own may have been under way. */
async function dropIfGone({ folder, root }: Watched, key: ObjectKey): Promise<void> {
  const { state, cache, owners } = folder;
  const reason = await stat(objectFile(state, key)).then(() => undefined, reasonOf);
  if (reason === "ENOENT" && (await rootOf(state)) === root && !owners.has(keyText(key))) cache.remove(key);
}

/** Takes in what a file says. An object keeps its identity unless its file says another one. */
async function takeIn(folder: FolderParts, path: string): Promise<void> {
  const found = await readOrTell(folder, path);
  if (found === undefined || folder.owners.has(keyText(keyOf(found)))) return;
  const before = folder.cache.get<CoreObject["kind"]>({ ...keyOf(found), kind: found.kind });
  const { uid } = found.metadata;
  if (before?.metadata.uid !== undefined && (uid ?? before.metadata.uid) === before.metadata.uid) {
    const after = identify<CoreObject>(before, found, stamp(folder));
    if (after !== before) folder.cache.set(after);
    return;
  }
  const made = identify<CoreObject>(undefined, found, { ...stamp(folder), ...(uid !== undefined && { uid }) });
  if (uid === undefined) await replaceFile(path, objectText(made));
  folder.cache.set(made);
}

/** Another one means another content; undefined when the file is gone. */
async function signatureOf(path: string): Promise<string | undefined> {
  try {
    const { ino, size, ctimeNs, mtimeNs } = await stat(path, { bigint: true });
    return `${ino}:${size}:${ctimeNs}:${mtimeNs}`;
  } catch (error) {
    unlessGone(error);
    return undefined;
  }
}

/** What is damaged or cannot be read is told and left: the object stays as it was. */
async function readOrTell({ log }: FolderParts, path: string): Promise<CoreObject | undefined> {
  try {
    return await readObjectFile(path);
  } catch (error) {
    const why = error instanceof StateFolderError ? error.message : `${path} cannot be read (${reasonOf(error)})`;
    if (reasonOf(error) !== "ENOENT") log.warn({ path }, `${why}; the object stays as it was`);
    return undefined;
  }
}

function unlessGone(error: unknown): void {
  if (reasonOf(error) !== "ENOENT") throw error;
}
