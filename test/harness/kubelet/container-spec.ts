/** What a container of a pod is to run, and where. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ContainerSpec } from "./container-process.ts";
import type { Place } from "./downward.ts";
import { argumentsOf, environmentOf, type Objects } from "./environment.ts";
import { expand } from "./expand.ts";
import { image } from "./image.ts";
import { NotThere, type Container, type Pod } from "./pod.ts";
import { privilegesOf } from "./privileges.ts";
import type { Mount } from "./root-filesystem.ts";
import type { Folders } from "./volumes.ts";

export interface SpecOptions {
  readonly pod: Pod;
  readonly place: Place;
  readonly objects: Objects;
  readonly folders: Folders;
  /** The pod's own folder. */
  readonly folder: string;
  readonly mountPoint: string;
  readonly logFile: (container: string) => string;
}

/** Throws {@link NotThere} for what is missing, and other errors for what is wrong. */
export function specOf(container: Container, options: SpecOptions): ContainerSpec {
  const { pod, place, objects, folder, mountPoint, logFile } = options;
  const privileges = privilegesOf(container, pod, image);
  const env = environmentOf(container, { pod, place, objects, image });
  return {
    root: {
      mountPoint,
      image,
      mounts: (container.volumeMounts ?? []).map((mount) => mountOf(mount, options, env)),
      isReadOnly: container.securityContext?.readOnlyRootFilesystem === true,
      hostname: pod.spec.hostname ?? pod.metadata.name,
      hostsFolder: join(folder, "hosts"),
    },
    privileges,
    argv: argumentsOf(container, image, env),
    env: { HOME: privileges.uid === 0 ? "/root" : "/home/node", ...env },
    workingDir: container.workingDir ?? image.workingDir,
    logFile: logFile(container.name),
  };
}

type VolumeMount = NonNullable<Container["volumeMounts"]>[number];

function mountOf(mount: VolumeMount, { pod, folders }: SpecOptions, env: Readonly<Record<string, string>>): Mount {
  const { name, mountPath, subPath, subPathExpr, readOnly = false } = mount;
  const folder = folders.get(name);
  if (folder === undefined) throw new NotThere(`volume ${name} is not there`);
  const below = subPathExpr === undefined ? (subPath ?? "") : expand(subPathExpr, env);
  const from = join(folder, below);
  if (below !== "" && !existsSync(from)) mkdirSync(from, { recursive: true });
  const volume = pod.spec.volumes?.find((each) => each.name === name);
  const isWritable = volume?.emptyDir !== undefined || volume?.persistentVolumeClaim !== undefined;
  return { from, to: mountPath, isReadOnly: readOnly || !isWritable };
}
