/**
 * Files of a volume that change all at once, as the kubelet writes them: a timestamped folder holds the files, `..data` is a
 * symbolic link to it that is swapped by a rename, and what the container sees are links through `..data`.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

export interface VolumeFile {
  readonly content: Buffer;
  /** Permission bits. */
  readonly mode: number;
  /** Owner; root when absent. */
  readonly uid?: number;
}

/** Files of a volume by their path in it. */
export type Payload = ReadonlyMap<string, VolumeFile>;

/** Makes `folder` show exactly these files; does nothing when it does. `gid` owns every file where it is given. */
export function writeAtomically(folder: string, payload: Payload, gid?: number): void {
  const version = `..${hashOf(payload)}`;
  const current = existsSync(join(folder, "..data")) ? readlinkSync(join(folder, "..data")) : undefined;
  if (current === version) return;
  writeVersion(join(folder, version), payload, gid);
  symlinkSync(version, join(folder, "..data_tmp"));
  renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  link(folder, payload);
  if (current !== undefined) rmSync(join(folder, current), { recursive: true, force: true });
}

function hashOf(payload: Payload): string {
  const hash = createHash("sha256");
  for (const [path, { content, mode }] of [...payload].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${path}\0${mode}\0${content.length}\0`).update(content);
  return hash.digest("hex").slice(0, 16);
}

function writeVersion(folder: string, payload: Payload, gid: number | undefined): void {
  mkdirSync(folder, { recursive: true });
  for (const [path, { content, mode, uid = 0 }] of payload) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    // The group of a volume may read all of it.
    chmodSync(file, gid === undefined ? mode : mode | 0o440);
    if (uid !== 0 || gid !== undefined) chownSync(file, uid, gid ?? 0);
  }
}

/** A link for each first part of a path; those of files that went are removed. */
function link(folder: string, payload: Payload): void {
  const wanted = new Set([...payload.keys()].map((path) => path.split("/")[0] ?? path));
  for (const name of readdirSync(folder))
    if (!name.startsWith("..") && !wanted.has(name)) rmSync(join(folder, name), { force: true });
  for (const name of wanted) if (!existsSync(join(folder, name))) symlinkSync(join("..data", name), join(folder, name));
}
