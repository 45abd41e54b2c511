import { randomBytes } from "node:crypto";
import { link, mkdir, open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";

/** How a file is written. */
export interface WriteOptions {
  /** Permissions; 0600 by default. */
  readonly mode?: number;
  /** Whether it must survive a power cut once the promise resolves; true by default. Without, only a crash of the process. */
  readonly durable?: boolean;
}

/** What the name of every unfinished file ends in; such a file that is left by a crash may be removed. */
export const unfinishedSuffix = ".unfinished";

/** Makes a folder, and those above it that are missing, each with mode 0700 and durable. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    if (codeOf(error) !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    return makeFolder(path);
  }
  await syncFolder(dirname(path));
}

/**
 * Writes a whole file or nothing: readers see the old content or the new, never a part, whenever the process or the
 * machine stops. Makes the folder if it is missing.
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  const unfinished = await writeUnfinished(path, content, options);
  try {
    await rename(unfinished, path);
  } catch (error) {
    await removeIfThere(unfinished);
    throw error;
  }
  if (options.durable !== false) await syncFolder(dirname(path));
}

/** Creates a file with its whole content, atomically between processes too. False if there is one of that name already. */
export async function createFile(
  path: string,
  content: string | Uint8Array,
  options: WriteOptions = {},
): Promise<boolean> {
  const unfinished = await writeUnfinished(path, content, options);
  try {
    await link(unfinished, path);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    await removeIfThere(unfinished);
  }
  if (options.durable !== false) await syncFolder(dirname(path));
  return true;
}

/** Removes a file for good. It is no error when it is gone. */
export async function removeFile(path: string): Promise<void> {
  if (await removeIfThere(path)) await syncFolder(dirname(path));
}

async function writeUnfinished(path: string, content: string | Uint8Array, options: WriteOptions): Promise<string> {
  await makeFolder(dirname(path));
  const unfinished = join(dirname(path), `.${randomBytes(8).toString("hex")}${unfinishedSuffix}`);
  const file = await open(unfinished, "wx", options.mode ?? 0o600);
  try {
    await file.writeFile(content);
    if (options.durable !== false) await file.sync();
  } catch (error) {
    await removeIfThere(unfinished);
    throw error;
  } finally {
    await file.close();
  }
  return unfinished;
}

/** Makes renames and removals in a folder durable: they are changes of the folder, not of the file. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function removeIfThere(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
