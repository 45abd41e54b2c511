import { group, version } from "../../crds/group.ts";
import type { Kind, ObjectKey } from "../object.ts";

/** The field manager of everything that Posthouse writes. */
export const fieldManager = "posthouse";

/** Label and value on every object that Posthouse writes. */
export const ourLabel = { key: "app.kubernetes.io/managed-by", value: "posthouse" } as const;

/** Label by which a user offers a Secret for the use of Posthouse. */
export const offerLabel = "posthouse.dev/use";

const roots: Readonly<Record<Kind, { readonly root: string; readonly plural: string }>> = {
  RelayTenant: { root: `/apis/${group}/${version}`, plural: "relaytenants" },
  SendingDomain: { root: `/apis/${group}/${version}`, plural: "sendingdomains" },
  Secret: { root: "/api/v1", plural: "secrets" },
  ConfigMap: { root: "/api/v1", plural: "configmaps" },
  DNSEndpoint: { root: "/apis/externaldns.k8s.io/v1alpha1", plural: "dnsendpoints" },
};

/** `apiVersion` of a kind's objects. */
export function apiVersionOf(kind: Kind): string {
  return roots[kind].root.replace(/^\/apis?\//, "");
}

/** Path of all objects of a kind, or of those in a namespace. */
export function collectionPath(kind: Kind, namespace?: string): string {
  const { root, plural } = roots[kind];
  return namespace === undefined
    ? `${root}/${plural}`
    : `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

/** Path of one object. */
export function objectPath({ kind, namespace, name }: ObjectKey): string {
  return `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}`;
}

/** What a Role calls a kind: `relaytenants.posthouse.dev`, `secrets`. */
export function resourceName(kind: Kind): string {
  const { root, plural } = roots[kind];
  const [, apis, ofGroup] = root.split("/");
  return apis === "apis" ? `${plural}.${ofGroup}` : plural;
}
