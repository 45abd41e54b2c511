/** The downward API: what a pod may learn of itself. */
import type { Container, Pod, ResourceReference } from "./pod.ts";
import { quantity } from "./quantity.ts";

/** Where a pod runs. */
export interface Place {
  readonly podIp: string;
  readonly nodeName: string;
  readonly nodeIp: string;
}

/** The value of a `fieldPath`. Throws for one that the kubelet does not know. */
export function fieldValue(path: string, pod: Pod, place: Place): string {
  const [, map, key] = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path) ?? [];
  if (map === "labels" || map === "annotations") return pod.metadata[map]?.[key ?? ""] ?? "";
  const { metadata, spec } = pod;
  const known: Readonly<Record<string, string | undefined>> = {
    "metadata.name": metadata.name,
    "metadata.namespace": metadata.namespace,
    "metadata.uid": metadata.uid,
    "metadata.labels": lines(metadata.labels),
    "metadata.annotations": lines(metadata.annotations),
    "spec.nodeName": place.nodeName,
    "spec.serviceAccountName": spec.serviceAccountName ?? "default",
    "status.podIP": place.podIp,
    "status.podIPs": place.podIp,
    "status.hostIP": place.nodeIp,
    "status.hostIPs": place.nodeIp,
  };
  const value = known[path];
  if (value === undefined) throw new Error(`unknown fieldPath ${path}`);
  return value;
}

function lines(map: Readonly<Record<string, string>> = {}): string {
  const sorted = Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join("\n");
}

/** The value of a `resourceFieldRef`, rounded up; a limit that is not set is that of the machine. */
export function resourceValue(reference: ResourceReference, container: Container): string {
  const [kind, name = ""] = reference.resource.split(/\.(.*)/s);
  const set = kind === "limits" || kind === "requests" ? container.resources?.[kind]?.[name] : undefined;
  const value = set === undefined ? unset(kind, name) : quantity(set);
  return String(Math.ceil(value / divisor(reference.divisor)));
}

function divisor(text = "0"): number {
  const value = quantity(text);
  return value === 0 ? 1 : value;
}

/** What the Node says that it has. */
export const capacity = { cpu: 8, memory: 16 * 2 ** 30, "ephemeral-storage": 16 * 2 ** 30 };

function unset(kind: string | undefined, name: string): number {
  return kind === "limits" ? (capacity[name as keyof typeof capacity] ?? 0) : 0;
}
