/** What the files of a volume are: secret, configMap, downwardAPI and projected volumes. */
import type { Payload, VolumeFile } from "./atomic-writer.ts";
import { fieldValue, resourceValue } from "./downward.ts";
import type { Setting } from "./environment.ts";
import {
  NotThere,
  type DownwardItem,
  type Item,
  type Pod,
  type Projection,
  type TokenProjection,
  type Volume,
} from "./pod.ts";

/** A token for the pod's ServiceAccount, from a store that renews it. */
export type TokenOf = (projection: TokenProjection) => string;

/** What a volume's files are made of. */
export interface Sources extends Omit<Setting, "image"> {
  readonly token: TokenOf;
}

const defaultMode = 0o644;

/** The files of a volume; undefined for one that has none of its own, such as emptyDir. Throws {@link NotThere} for what is missing. */
export function payloadOf(volume: Volume, sources: Sources): Payload | undefined {
  const { secret, configMap, downwardAPI, projected } = volume;
  if (secret) return new Map(project({ secret: { ...secret, name: secret.secretName } }, secret.defaultMode, sources));
  if (configMap) return new Map(project({ configMap }, configMap.defaultMode, sources));
  if (downwardAPI) return new Map(project({ downwardAPI }, downwardAPI.defaultMode, sources));
  if (!projected) return undefined;
  return new Map((projected.sources ?? []).flatMap((source) => project(source, projected.defaultMode, sources)));
}

type Files = readonly (readonly [path: string, file: VolumeFile])[];

function project(source: Projection, mode = defaultMode, sources: Sources): Files {
  const { namespace } = sources.pod.metadata;
  const { secret, configMap, downwardAPI, serviceAccountToken } = source;
  if (serviceAccountToken) return [[serviceAccountToken.path, tokenFile(serviceAccountToken, mode, sources)]];
  if (downwardAPI) return (downwardAPI.items ?? []).map((item) => [item.path, downwardFile(item, mode, sources)]);
  const reference = secret ?? configMap;
  if (!reference) return [];
  const what = `${secret ? "secret" : "configmap"} "${reference.name}"`;
  const data = secret ? secretData(sources, namespace, secret.name) : mapData(sources, namespace, reference.name);
  if (!data && reference.optional !== true) throw new NotThere(`${what} not found`);
  return pick(data ?? {}, { ...reference, what, mode });
}

function secretData({ objects }: Sources, namespace: string, name: string): Record<string, Buffer> | undefined {
  const secret = objects.secret(namespace, name);
  return secret && fromBase64(secret.data);
}

function mapData({ objects }: Sources, namespace: string, name: string): Record<string, Buffer> | undefined {
  const map = objects.configMap(namespace, name);
  if (!map) return undefined;
  const texts = Object.entries(map.data ?? {}).map(([key, text]) => [key, Buffer.from(text)] as const);
  return { ...Object.fromEntries(texts), ...fromBase64(map.binaryData) };
}

function fromBase64(data: Readonly<Record<string, string>> = {}): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64")]));
}

interface Choice {
  readonly what: string;
  readonly mode: number;
  readonly items?: readonly Item[];
  readonly optional?: boolean;
}

function pick(data: Readonly<Record<string, Buffer>>, { what, mode, items, optional }: Choice): Files {
  if (!items) return Object.entries(data).map(([key, content]) => [key, { content, mode }]);
  return items.flatMap((item) => {
    const content = data[item.key];
    if (content) return [[item.path, { content, mode: item.mode ?? mode }] as const];
    if (optional === true) return [];
    throw new NotThere(`${what} has no key ${item.key}`);
  });
}

function downwardFile(
  { fieldRef, resourceFieldRef, ...item }: DownwardItem,
  mode: number,
  sources: Sources,
): VolumeFile {
  const { pod, place } = sources;
  let text = fieldRef ? fieldValue(fieldRef.fieldPath, pod, place) : "";
  const named = pod.spec.containers.find(({ name }) => name === resourceFieldRef?.containerName);
  if (resourceFieldRef && named) text = resourceValue(resourceFieldRef, named);
  return { content: Buffer.from(text), mode: item.mode ?? mode };
}

/** Only its user may read a token, or its group where the pod has one. */
function tokenFile(projection: TokenProjection, mode: number, { pod, token }: Sources): VolumeFile {
  const content = Buffer.from(token(projection));
  const uid = onlyUser(pod);
  const isNarrow = uid !== undefined || pod.spec.securityContext?.fsGroup !== undefined;
  return { content, mode: isNarrow ? 0o600 : mode, ...(uid !== undefined && { uid }) };
}

/** The one user that all containers of a pod run as, when it says so. */
function onlyUser({ spec }: Pod): number | undefined {
  const users = new Set(
    [...(spec.initContainers ?? []), ...spec.containers].map(
      ({ securityContext }) => securityContext?.runAsUser ?? spec.securityContext?.runAsUser,
    ),
  );
  return users.size === 1 ? [...users][0] : undefined;
}
