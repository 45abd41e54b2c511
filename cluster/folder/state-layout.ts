import { createHash } from "node:crypto";
import { join } from "node:path";
import type { ObjectKey } from "../object.ts";

/** The folder of the generated objects. */
export function objectsFolder(state: string): string {
  return join(state, "objects");
}

/** The file of a generated object: `objects/<namespace>/<kind>/<name>.yaml`. */
export function objectFile(state: string, key: ObjectKey): string {
  return join(objectsFolder(state), key.namespace, key.kind, `${fileName(key.name)}.yaml`);
}

/** The file of the status of a custom resource: `status/<namespace>/<kind>/<name>.yaml`. */
export function statusFile(state: string, key: ObjectKey): string {
  return join(state, "status", key.namespace, key.kind, `${fileName(key.name)}.yaml`);
}

/** The file that remembers the last good objects of a file of manifests. */
export function recordFile(state: string, manifest: string): string {
  return join(state, "last-good", `${createHash("sha256").update(manifest).digest("hex")}.json`);
}

/** The folder's lock. */
export function lockFile(state: string): string {
  return join(state, "lock");
}

/** A name may have 253 characters and a file name 255 octets: long names end in a hash instead. */
function fileName(name: string): string {
  return name.length <= 200 ? name : `${name.slice(0, 150)}-${createHash("sha256").update(name).digest("hex")}`;
}
