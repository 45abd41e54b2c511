import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { removeFile, replaceFile } from "../../../runtime/atomic-file.ts";
import { StoreUnavailable } from "../store.ts";
import type { MoveMark } from "../transfer.ts";

/** The mark of a move once more, beside the data file: a store that was moved away stays so, whatever a disk does to that. */
const name = "moved.json";

/** The mark beside the data file of a folder. Throws StoreUnavailable where it cannot be read: nobody knows then. */
export async function readMarkFile(folder: string): Promise<MoveMark | undefined> {
  const file = join(folder, name);
  try {
    const mark: MoveMark = JSON.parse(await readFile(file, "utf8"));
    return mark;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new StoreUnavailable(
      `${file} cannot be read: it says whether the mail of this store was moved away; remove it only if you know that it was not`,
      { cause: error },
    );
  }
}

/** Writes it, or removes it. Durable on return. */
export async function writeMarkFile(folder: string, mark: MoveMark | undefined): Promise<void> {
  const file = join(folder, name);
  await (mark === undefined ? removeFile(file) : replaceFile(file, JSON.stringify(mark)));
}
