/** The volumes of a pod, as folders. */
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "./atomic-writer.ts";
import { payloadOf, type Sources } from "./payload.ts";
import { NotThere, type Pod, type Volume } from "./pod.ts";

export interface VolumeSources extends Sources {
  /** The folder of a bound claim; undefined while there is none. */
  claimFolder(claim: string): string | undefined;
}

/** Folders of volumes by the volumes' names. */
export type Folders = ReadonlyMap<string, string>;

/** Makes every volume of a pod below `base`, or brings its files up to date. Throws {@link NotThere} for what is missing. */
export function materialise(base: string, pod: Pod, sources: VolumeSources): Folders {
  return new Map(pod.spec.volumes?.map((volume) => [volume.name, volumeFolder(base, volume, sources)]));
}

/** Takes away what belongs to the pod alone. */
export function removeVolumes(base: string): void {
  rmSync(base, { recursive: true, force: true });
}

function volumeFolder(base: string, volume: Volume, sources: VolumeSources): string {
  const fsGroup = sources.pod.spec.securityContext?.fsGroup;
  const { persistentVolumeClaim: claim } = volume;
  if (claim) {
    const folder = sources.claimFolder(claim.claimName);
    if (folder === undefined) throw new NotThere(`persistentvolumeclaim "${claim.claimName}" is not bound`);
    if (fsGroup !== undefined) giveToGroup(folder, fsGroup);
    return folder;
  }
  const folder = join(base, volume.name);
  const payload = payloadOf(volume, sources);
  if (!payload && !volume.emptyDir)
    throw new Error(`volume ${volume.name} is of a kind that this kubelet does not know`);
  mkdirSync(folder, { recursive: true });
  if (payload) writeAtomically(folder, payload, fsGroup);
  else openToAll(folder, fsGroup);
  return folder;
}

function openToAll(folder: string, fsGroup: number | undefined): void {
  if (fsGroup !== undefined) chownSync(folder, 0, fsGroup);
  chmodSync(folder, fsGroup === undefined ? 0o777 : 0o2777);
}

/** As `fsGroup` asks: the group owns everything, and what is made in a folder belongs to it too. */
function giveToGroup(folder: string, fsGroup: number): void {
  chownSync(folder, 0, fsGroup);
  chmodSync(folder, 0o2775);
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) chmodSync(path, 0o2775);
    if (entry.isDirectory() || entry.isFile()) chownSync(path, -1, fsGroup);
  }
}
