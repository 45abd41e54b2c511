import type { ClusterObject, DnsEndpoint, Kind, ObjectMeta } from "../object.ts";
import { apiVersionOf, fieldManager } from "./resources.ts";

/**
 * Reads an object as the API server sends it into the one shape that everything here works with: metadata without
 * `managedFields`, the values of a Secret decoded. Items of a list name no kind, so it is given. Throws if it is none.
 */
export function decodeObject(kind: Kind, json: unknown): ClusterObject {
  const object = fieldsOf(json);
  const common = { apiVersion: apiVersionOf(kind), metadata: decodeMeta(kind, object["metadata"]) };
  if (kind === "RelayTenant" || kind === "SendingDomain") {
    const status = object["status"] === undefined ? {} : { status: object["status"] };
    return { ...common, kind, spec: object["spec"], ...status };
  }
  if (kind === "DNSEndpoint") return { ...common, kind, spec: { endpoints: endpointsOf(object["spec"]) } };
  const immutable = object["immutable"] === true ? { immutable: true } : {};
  if (kind === "ConfigMap") return { ...common, kind, ...immutable, data: stringsOf(object["data"]) ?? {} };
  const type = typeof object["type"] === "string" ? object["type"] : "Opaque";
  const data = { ...stringsOf(object["data"]) };
  for (const [name, value] of Object.entries(data)) data[name] = fromBase64(value);
  return { ...common, kind, type, ...immutable, data };
}

/** Reads an object as {@link decodeObject} does, and keeps what is wanted of it. */
export type Decode = (kind: Kind, json: unknown) => ClusterObject;

/** The JSON form of an object for a write; what the cluster sets itself is left out, but for `keep`. */
export function encodeObject(
  object: ClusterObject,
  keep: Pick<ObjectMeta, "uid" | "resourceVersion"> = {},
): Record<string, unknown> {
  const { apiVersion, kind } = object;
  const { name, namespace, labels, annotations } = object.metadata;
  const metadata = { name, namespace, ...(labels && { labels }), ...(annotations && { annotations }), ...keep };
  if (object.kind === "RelayTenant" || object.kind === "SendingDomain" || object.kind === "DNSEndpoint")
    return { apiVersion, kind, metadata, spec: object.spec };
  const immutable = object.immutable === true ? { immutable: true } : {};
  if (object.kind === "ConfigMap") return { apiVersion, kind, metadata, ...immutable, data: object.data };
  const data = Object.fromEntries(
    Object.entries(object.data).map(([key, value]) => [key, Buffer.from(value, "utf8").toString("base64")]),
  );
  return { apiVersion, kind, metadata, type: object.type, ...immutable, data };
}

/** Keys of labels and annotations that Posthouse has set, by the object's `managedFields`. */
export interface OwnedKeys {
  readonly labels: readonly string[];
  readonly annotations: readonly string[];
}

/** Reads {@link OwnedKeys} from an object as the API server sends it. */
export function ownedKeys(json: unknown): OwnedKeys {
  const entries = fieldsOf(fieldsOf(json)["metadata"])["managedFields"];
  const ours = (Array.isArray(entries) ? entries : [])
    .map(fieldsOf)
    .filter((entry) => entry["manager"] === fieldManager && (entry["subresource"] ?? "") === "")
    .map((entry) => fieldsOf(fieldsOf(entry["fieldsV1"])["f:metadata"]));
  const keys = (field: string): readonly string[] =>
    ours
      .flatMap((meta) => Object.keys(fieldsOf(meta[field])))
      .filter((key) => key.startsWith("f:"))
      .map((key) => key.slice(2));
  return { labels: keys("f:labels"), annotations: keys("f:annotations") };
}

/** The members of a JSON object; none of anything else. */
export function fieldsOf(value: unknown): Record<string, unknown> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- any object may be read by key
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function decodeMeta(kind: Kind, json: unknown): ObjectMeta {
  const meta = fieldsOf(json);
  const { name, namespace, uid, generation, resourceVersion, creationTimestamp } = meta;
  if (typeof name !== "string" || typeof namespace !== "string")
    throw new Error(`the API server sent a ${kind} without a name`);
  const labels = stringsOf(meta["labels"]);
  const annotations = stringsOf(meta["annotations"]);
  return {
    name,
    namespace,
    ...(typeof uid === "string" && { uid }),
    ...(typeof generation === "number" && { generation }),
    ...(typeof resourceVersion === "string" && { resourceVersion }),
    ...(typeof creationTimestamp === "string" && { creationTimestamp }),
    ...(labels && { labels }),
    ...(annotations && { annotations }),
  };
}

/** What Posthouse writes of endpoints. What others set beside it, such as a TTL, is theirs and makes no difference. */
function endpointsOf(spec: unknown): readonly DnsEndpoint[] {
  const { endpoints } = fieldsOf(spec);
  return (Array.isArray(endpoints) ? endpoints : []).map((each) => {
    const { dnsName, recordType, targets } = fieldsOf(each);
    const texts = (Array.isArray(targets) ? targets : []).map(String);
    return { dnsName: String(dnsName), recordType: String(recordType), targets: texts };
  });
}

/** A map of strings; undefined where there is none or nothing in it. */
function stringsOf(json: unknown): Record<string, string> | undefined {
  const fields = fieldsOf(json);
  if (Object.keys(fields).length === 0) return undefined;
  // A parser's objects take less room than those that are put together of entries.
  return isStrings(fields)
    ? fields
    : Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, String(value)]));
}

function isStrings(fields: Record<string, unknown>): fields is Record<string, string> {
  return Object.values(fields).every((value) => typeof value === "string");
}

function fromBase64(text: string): string {
  return Buffer.from(text, "base64").toString("utf8");
}
