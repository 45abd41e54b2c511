/** Claims of volumes: a folder each, that outlives the pods that use it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { isApiError } from "../../../cluster/kubernetes/api-error.ts";
import type { Api } from "../../../cluster/kubernetes/api.ts";
import type { Claim } from "./pod.ts";

/** The folder of a claim, whether it is there or not. */
export function claimFolder(base: string, { metadata }: Claim): string {
  return join(base, metadata.uid);
}

/** Makes the folder and the PersistentVolume of a claim; the controller manager binds the two. */
export async function provide(api: Api, claim: Claim, base: string): Promise<void> {
  if (claim.spec.volumeName !== undefined || claim.metadata.deletionTimestamp !== undefined) return;
  const path = claimFolder(base, claim);
  mkdirSync(path, { recursive: true });
  try {
    await api.request({ method: "POST", path: "/api/v1/persistentvolumes", body: volumeOf(claim, path) });
  } catch (error) {
    if (!isApiError(error, 409)) throw error;
  }
}

function volumeOf({ metadata, spec }: Claim, path: string): object {
  const { name, namespace, uid } = metadata;
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: `pvc-${uid}` },
    spec: {
      capacity: { storage: spec.resources?.requests?.["storage"] ?? "1Gi" },
      accessModes: spec.accessModes ?? ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      ...(spec.storageClassName !== undefined && { storageClassName: spec.storageClassName }),
      volumeMode: spec.volumeMode ?? "Filesystem",
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid },
      hostPath: { path },
    },
  };
}
