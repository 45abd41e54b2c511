import type { ClusterObject, Kind } from "../object.ts";
import { offerLabel, ourLabel, resourceName } from "./resources.ts";

/** Which objects a cluster is about: those of all namespaces, or of some. */
export type Scope =
  | { readonly kind: "Cluster" }
  | { readonly kind: "Namespaces"; readonly namespaces: readonly string[] };

/** One list and watch: part of the objects of one kind, such that no two parts overlap. */
export interface Source {
  readonly kind: Kind;
  /** Absent: every namespace but `except`. */
  readonly namespace?: string;
  readonly except?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Whether the cluster may not know the kind; it may learn it later. */
  readonly isOptional?: boolean;
  /** Whether an object with these labels belongs here, its kind and namespace given. */
  readonly selects: (labels: Readonly<Record<string, string>>) => boolean;
}

const ours = `${ourLabel.key}=${ourLabel.value}`;
const isOurs = (labels: Readonly<Record<string, string>>): boolean => labels[ourLabel.key] === ourLabel.value;
const everything = { selects: () => true };
const own = { labelSelector: ours, selects: isOurs };
const offered = {
  labelSelector: `${offerLabel},${ourLabel.key}!=${ourLabel.value}`,
  selects: (labels: Readonly<Record<string, string>>) => offerLabel in labels && !isOurs(labels),
};

/** What stands in every namespace, or is large and never ours. */
const unwanted: Partial<Record<Kind, string>> = {
  Secret: "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token",
  ConfigMap: "metadata.name!=kube-root-ca.crt",
};

/**
 * The lists that a cluster consists of. In the contract namespace all Secrets and ConfigMaps are watched; elsewhere only
 * those that Posthouse has made, and Secrets that are offered to it: what users keep to themselves is not even read.
 */
export function sourcesOf(scope: Scope, contractNamespace: string, kinds: readonly Kind[]): readonly Source[] {
  return kinds.flatMap((kind): Source[] => {
    if (kind === "RelayTenant" || kind === "SendingDomain")
      return placesOf(scope).map((place) => Object.assign({ kind }, place, everything));
    if (kind === "DNSEndpoint")
      return placesOf(scope).map((place) => Object.assign({ kind, isOptional: true }, place, own));
    const fieldSelector = unwanted[kind] ?? "";
    const contract: Source = { kind, namespace: contractNamespace, fieldSelector, ...everything };
    const selections = kind === "Secret" ? [own, offered] : [own];
    const elsewhere = placesOf(scope, contractNamespace).flatMap((place) =>
      selections.map((selection) => Object.assign({ kind }, place, selection)),
    );
    return [contract, ...elsewhere];
  });
}

function placesOf(scope: Scope, except?: string): readonly Pick<Source, "namespace" | "except" | "fieldSelector">[] {
  if (scope.kind === "Namespaces")
    return [...new Set(scope.namespaces)].filter((name) => name !== except).map((namespace) => ({ namespace }));
  return [except === undefined ? {} : { except, fieldSelector: `metadata.namespace!=${except}` }];
}

/** Whether a source is where objects of a kind and namespace are looked for. */
export function isAbout({ kind, namespace, except }: Source, wanted: Kind, where: string): boolean {
  return kind === wanted && (namespace === undefined ? where !== except : where === namespace);
}

/** Finds the sources that a kind and namespace are looked for in, without a walk over all of them. */
export function indexSources(sources: readonly Source[]): (kind: Kind, namespace: string) => readonly Source[] {
  const placed = Map.groupBy(sources, ({ kind, namespace = "" }) => `${kind}/${namespace}`);
  const among = (place: string, kind: Kind, namespace: string): readonly Source[] =>
    placed.get(place)?.filter((source) => isAbout(source, kind, namespace)) ?? [];
  return (kind, namespace) => [
    ...among(`${kind}/${namespace}`, kind, namespace),
    ...among(`${kind}/`, kind, namespace),
  ];
}

/** Whether an object belongs to a source. */
export function covers(source: Source, { kind, metadata }: ClusterObject): boolean {
  return isAbout(source, kind, metadata.namespace) && source.selects(metadata.labels ?? {});
}

/** What a source is, for people: `secrets in team-shop`. */
export function sourceText({ kind, namespace }: Source): string {
  return `${resourceName(kind)} in ${namespace ?? "all namespaces"}`;
}
