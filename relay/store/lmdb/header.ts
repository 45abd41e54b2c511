import { open } from "node:fs/promises";
import { join } from "node:path";

const magic = 0xbeefc0de;
const dataVersion = 2;
/** Where the first meta page keeps its magic number, behind the page header. */
const magicOffset = 24;

/**
 * Whether LMDB would open what is in this folder: the data file has the right beginning, or is empty or not there yet.
 * Rejects when a file may not be read and written. To be asked first, because the library does not survive a file that
 * LMDB refuses.
 */
export async function hasLmdbHeader(folder: string): Promise<boolean> {
  await readBeginning(join(folder, "lock.mdb"), 0);
  const beginning = await readBeginning(join(folder, "data.mdb"), magicOffset + 8);
  if (beginning.length === 0) return true;
  if (beginning.length < magicOffset + 8) return false;
  const words = new Uint32Array(beginning.buffer, beginning.byteOffset + magicOffset, 2);
  return words[0] === magic && words[1] === dataVersion;
}

async function readBeginning(file: string, length: number): Promise<Buffer> {
  let handle;
  try {
    handle = await open(file, "r+");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
