/** Every kind of object that Posthouse reads or writes. */
export type Kind = "RelayTenant" | "SendingDomain" | "Secret" | "ConfigMap" | "DNSEndpoint";

/** `metadata` as Kubernetes has it, as far as Posthouse uses it. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  /** Set by the cluster: another object of the same name has another uid. */
  readonly uid?: string;
  /** Set by the cluster: rises with each change of `spec`. */
  readonly generation?: number;
  /** Set by the cluster: changes with every write. Opaque; compare for equality only. */
  readonly resourceVersion?: string;
  /** RFC 3339, set by the cluster. */
  readonly creationTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface ObjectOf<K extends Kind> {
  readonly apiVersion: string;
  readonly kind: K;
  readonly metadata: ObjectMeta;
}

/** A custom resource; `spec` is validated and defaulted by the cluster, `status` is written by the operator alone. */
export interface CustomObject<
  K extends "RelayTenant" | "SendingDomain" = "RelayTenant" | "SendingDomain",
> extends ObjectOf<K> {
  readonly spec: unknown;
  readonly status?: unknown;
}

/** A core/v1 Secret. Values stand decoded: `data` maps a key to its bytes as a UTF-8 string. */
export interface SecretObject extends ObjectOf<"Secret"> {
  readonly type: string;
  readonly immutable?: boolean;
  readonly data: Readonly<Record<string, string>>;
}

/** A core/v1 ConfigMap. */
export interface ConfigMapObject extends ObjectOf<"ConfigMap"> {
  readonly immutable?: boolean;
  readonly data: Readonly<Record<string, string>>;
}

/** A record to publish, as ExternalDNS reads it. */
export interface DnsEndpoint {
  /** Absolute owner name, without a trailing dot. */
  readonly dnsName: string;
  readonly recordType: string;
  readonly targets: readonly string[];
}

/** An externaldns.k8s.io/v1alpha1 DNSEndpoint. Its CRD is ExternalDNS's: a cluster may not have it. */
export interface DnsEndpointObject extends ObjectOf<"DNSEndpoint"> {
  readonly spec: { readonly endpoints: readonly DnsEndpoint[] };
}

export type ClusterObject =
  | CustomObject<"RelayTenant">
  | CustomObject<"SendingDomain">
  | SecretObject
  | ConfigMapObject
  | DnsEndpointObject;

/** The object type of a kind. */
export type OfKind<K extends Kind> = Extract<ClusterObject, { kind: K }>;

/** What names an object in a cluster. */
export interface ObjectKey<K extends Kind = Kind> {
  readonly kind: K;
  readonly namespace: string;
  readonly name: string;
}

/** The key of an object. */
export function keyOf(object: ClusterObject): ObjectKey {
  return { kind: object.kind, namespace: object.metadata.namespace, name: object.metadata.name };
}

/** `Kind/namespace/name`: a key as one string, for maps, logs and messages. */
export function keyText(key: ObjectKey): string {
  return `${key.kind}/${key.namespace}/${key.name}`;
}
