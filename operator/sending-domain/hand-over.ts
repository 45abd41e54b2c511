import type { ConfigMapObject, ObjectMeta } from "../../cluster/object.ts";
import type { Cluster } from "../../cluster/port.ts";
import { annotations, handOverName, labels, tenantKey } from "../../contract/names.ts";
import type { RecordStatus } from "../../crds/sending-domain.ts";
import type { Action } from "../action.ts";
import { handOverFiles } from "../hand-over/formats.ts";
import { isKept } from "../kept.ts";
import { ownMetadata } from "../own-objects.ts";

/** The ConfigMap beside a SendingDomain in which its records are handed over, as it stands. */
export type ObservedHandOver =
  | { readonly kind: "Absent" }
  /** Somebody else's, which is left alone. */
  | { readonly kind: "Foreign" }
  | {
      readonly kind: "Ours";
      /** Texts, or what is kept of them. */
      readonly data: Readonly<Record<string, string>>;
      readonly resourceVersion: string;
      readonly uid: string;
    };

interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** Whether an object with this metadata is Posthouse's own, made to hand over the records of that very SendingDomain. */
export function isHandOver(
  { labels: labelled, annotations: annotated }: Pick<ObjectMeta, "labels" | "annotations">,
  { namespace, name }: Place,
): boolean {
  return (
    labelled?.[labels.managedBy] === "posthouse" &&
    labelled[labels.record] === "hand-over" &&
    annotated?.[annotations.owner] === tenantKey(namespace, name)
  );
}

/** Looks at the ConfigMap of a SendingDomain. */
export function observeHandOver(cluster: Cluster, { namespace, name }: Place): ObservedHandOver {
  const object = cluster.get<"ConfigMap">({ kind: "ConfigMap", namespace, name: handOverName(name) });
  if (object === undefined) return { kind: "Absent" };
  const { resourceVersion = "", uid = "" } = object.metadata;
  return isHandOver(object.metadata, { namespace, name })
    ? { kind: "Ours", data: object.data, resourceVersion, uid }
    : { kind: "Foreign" };
}

/** The records that data which stands was found to tell: while they are the very same, nothing needs to be rendered. */
const told = new WeakMap<object, readonly RecordStatus[]>();

/** Makes the ConfigMap say what the status says; never touches another's. */
export function handOverActions(
  claim: Place & { readonly domain: string },
  records: readonly RecordStatus[],
  standing: ObservedHandOver | undefined,
): readonly Action[] {
  if (standing === undefined || standing.kind === "Foreign") return [];
  if (standing.kind === "Ours" && isSameList(told.get(standing.data), records)) return [];
  const data = handOverFiles({ domain: claim.domain, records });
  if (standing.kind === "Absent") return [{ kind: "create", object: configMap(claim, data) }];
  if (isKept(standing.data, data)) {
    told.set(standing.data, records);
    return [];
  }
  return [{ kind: "apply", object: configMap(claim, data, standing.resourceVersion) }];
}

function isSameList(before: readonly RecordStatus[] | undefined, after: readonly RecordStatus[]): boolean {
  return before?.length === after.length && before.every((record, place) => record === after[place]);
}

/** Deletes the ConfigMap of a SendingDomain that is gone. */
export function dropHandOver({ namespace, name }: Place, standing: ObservedHandOver | undefined): readonly Action[] {
  if (standing?.kind !== "Ours") return [];
  const { uid, resourceVersion } = standing;
  return [{ kind: "delete", key: { kind: "ConfigMap", namespace, name: handOverName(name) }, uid, resourceVersion }];
}

function configMap(
  { namespace, name }: Place,
  data: Readonly<Record<string, string>>,
  resourceVersion?: string,
): ConfigMapObject {
  const own = {
    namespace,
    name: handOverName(name),
    labels: { [labels.record]: "hand-over" },
    owner: tenantKey(namespace, name),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
  return { apiVersion: "v1", kind: "ConfigMap", metadata: ownMetadata(own), data };
}
