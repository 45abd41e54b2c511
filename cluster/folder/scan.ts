import { readFile, readdir, stat } from "node:fs/promises";
import { isAbsolute, join, relative, resolve } from "node:path";
import { unreadableFile } from "./parse-manifests.ts";
import type { ParsedFile } from "./parse-manifests.ts";

/** A file of manifests as the folder shows it. */
export interface ListedFile {
  /** The path within the folder, with `/`. */
  readonly file: string;
  /** Another one means another content. */
  readonly signature: string;
  /** When the file last changed in any way; milliseconds since the epoch. */
  readonly changedAt: number;
}

/** What a folder holds. */
export interface Listing {
  readonly files: readonly ListedFile[];
  /** Files and folders (`""` is the whole) that cannot be looked at, and why. What is in them is not known to be gone. */
  readonly unreadable: ReadonlyMap<string, string>;
}

/** Bytes. A larger file is hardly one of manifests, and everything else would wait for seconds while it is parsed. */
const largest = 1024 * 1024;

/** Whether a file of this name is read: `.yaml`, `.yml` or `.json`, not hidden. */
export function isManifestName(name: string): boolean {
  return !name.startsWith(".") && /\.(yaml|yml|json)$/.test(name);
}

/** Lists the manifests in a folder and those below it. Hidden ones, links to folders, and the folder `except` are left out. */
export async function listManifests(root: string, except?: string): Promise<Listing> {
  const files: ListedFile[] = [];
  const unreadable = new Map<string, string>();
  const visit = async (folder: string): Promise<void> => {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error: unknown) => {
      unreadable.set(folder, whyUnreadable(error));
      return [];
    });
    for (const entry of entries) {
      const file = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.name.startsWith(".")) continue;
      const isFolder = entry.isDirectory();
      if (isFolder && !isInside(join(root, file), except)) await visit(file);
      else if (!isFolder && isManifestName(entry.name)) await look(file, entry.isSymbolicLink());
    }
  };
  const look = async (file: string, isLink: boolean): Promise<void> => {
    try {
      const { ino, size, ctimeNs, mtimeNs, ctimeMs } = await stat(join(root, file), { bigint: true });
      files.push({ file, signature: `${ino}:${size}:${ctimeNs}:${mtimeNs}`, changedAt: Number(ctimeMs) });
    } catch (error) {
      // What is gone between the list and the look is gone; a link that leads nowhere may be about to be mended.
      if (isLink || reasonOf(error) !== "ENOENT") unreadable.set(file, whyUnreadable(error));
    }
  };
  await visit("");
  return { files, unreadable };
}

/** Whether a path is a folder or lies in it. */
export function isInside(path: string, folder: string | undefined): boolean {
  if (folder === undefined) return false;
  const way = relative(resolve(folder), resolve(path));
  return way === "" || !(way === ".." || way.startsWith("../") || isAbsolute(way));
}

/** Whether something in a folder lies in what cannot be looked at. */
export function isHidden(file: string, unreadable: ReadonlyMap<string, string>): boolean {
  return [...unreadable.keys()].some((path) => path === "" || file === path || file.startsWith(`${path}/`));
}

/** Reads a file of manifests as text, or says why that can't be done. */
export async function readManifest(root: string, file: string): Promise<string | ParsedFile> {
  try {
    const path = join(root, file);
    const { size, isRegular } = await stat(path).then((found) => ({ size: found.size, isRegular: found.isFile() }));
    if (!isRegular) return unreadableFile(file, "is not a regular file; put one in its place, or remove it");
    if (size > largest) return unreadableFile(file, `is larger than ${largest} bytes; split it into several files`);
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof TypeError) return unreadableFile(file, "is not UTF-8; save it as UTF-8");
    return unreadableFile(file, `cannot be read: ${whyUnreadable(error)}`);
  }
}

const advice: Readonly<Record<string, string>> = {
  ENOENT: "nothing is there: put it back, or mend or remove the link",
  ELOOP: "links lead in a circle: mend or remove them",
  EACCES: "give the user that runs posthouse read access to it",
  EPERM: "give the user that runs posthouse read access to it",
};

/** Why something cannot be read: the system's word, and what to do about it. */
export function whyUnreadable(error: unknown): string {
  const reason = reasonOf(error);
  return advice[reason] === undefined ? reason : `${reason}, ${advice[reason]}`;
}

/** The system's word for an error, such as EACCES. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.message : String(error);
}
