import { stat } from "node:fs/promises";
import { makeFolder } from "../../runtime/atomic-file.ts";
import { takeLock } from "../../runtime/lock-file.ts";
import type { Lock } from "../../runtime/lock-file.ts";
import { reasonOf } from "./scan.ts";
import { removeUnfinished } from "./state-files.ts";
import { StateFolderError } from "./state-folder-error.ts";
import { lockFile } from "./state-layout.ts";

/** What to do about the system's word for an error. */
const advice: Readonly<Record<string, string>> = {
  EACCES: "give the user that runs posthouse read and write access to it",
  EPERM: "give the user that runs posthouse read and write access to it",
  EROFS: "it is on a read-only file system; name another folder with --state",
  ENOSPC: "the disk is full; free some space",
  EDQUOT: "the disk quota is used up; free some space",
  ENOTDIR: "a file stands where a folder is needed; move it away or name another folder with --state",
  EEXIST: "a file stands where a folder is needed; move it away or name another folder with --state",
  ENOENT: "there is no such folder; run posthouse up first, or name another folder with --state",
};

/**
 * Makes a state folder if there is none, checks that nobody else can look into it, and takes its lock. Throws a
 * {@link StateFolderError} that says what to do if it cannot be used.
 */
export async function holdStateFolder(state: string): Promise<Lock> {
  try {
    await makeFolder(state);
    await refuseOpenFolder(state);
    const lock = await takeLock(lockFile(state));
    if (!("release" in lock)) {
      throw new StateFolderError(
        `the state folder ${state} is in use by process ${lock.pid} on ${lock.host}; stop that first, or name another folder with --state. If it is certain that it does not run, remove ${lockFile(state)}`,
      );
    }
    await removeUnfinished(state);
    return lock;
  } catch (error) {
    throw unusable(state, error);
  }
}

/** Refuses a folder that holds keys and that others could look into. */
export async function refuseOpenFolder(state: string): Promise<void> {
  const found = await stat(state);
  if (!found.isDirectory())
    throw new StateFolderError(`the state folder ${state} is not a folder: ${advice["ENOTDIR"]}`);
  const mode = found.mode & 0o777;
  if ((mode & 0o077) === 0) return;
  throw new StateFolderError(
    `the state folder ${state} holds private keys and is open to others (mode ${mode.toString(8).padStart(4, "0")}); run chmod 700 ${state}`,
  );
}

/** An error of the file system as one that says what to do. */
export function unusable(state: string, error: unknown): Error {
  if (error instanceof StateFolderError) return error;
  const reason = reasonOf(error);
  const message = `the state folder ${state} cannot be used (${reason}): ${advice[reason] ?? "look at it, or name another folder with --state"}`;
  return new StateFolderError(message, { cause: error });
}
