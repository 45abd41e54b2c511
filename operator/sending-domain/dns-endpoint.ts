import { isDeepStrictEqual } from "node:util";
import type { DnsEndpoint, DnsEndpointObject } from "../../cluster/object.ts";
import type { Cluster } from "../../cluster/port.ts";
import { handOverName, labels, tenantKey } from "../../contract/names.ts";
import type { RecordStatus } from "../../crds/sending-domain.ts";
import type { Action } from "../action.ts";
import type { DnsAutomationConfig } from "../config.ts";
import { escapeOctets, octetsOf, stringsOf } from "../hand-over/record-text.ts";
import { namespaceAllowed } from "../namespace-pattern.ts";
import { ownMetadata } from "../own-objects.ts";
import { problem, type Problem } from "../reasons.ts";
import type { DomainEvidence } from "./evidence.ts";
import { isHandOver } from "./hand-over.ts";

/** The DNSEndpoint beside a SendingDomain, through which ExternalDNS publishes its records, as it stands. */
export type ObservedEndpoint =
  | { readonly kind: "Absent" }
  /** Somebody else's, which is left alone. */
  | { readonly kind: "Foreign" }
  | {
      readonly kind: "Ours";
      readonly endpoints: readonly DnsEndpoint[];
      readonly resourceVersion: string;
      readonly uid: string;
    };

/** Publishing by ExternalDNS, as far as it concerns a SendingDomain. */
export interface ObservedPublishing {
  /** Whether the fleet's file grants the domain to the namespace. */
  readonly isGranted: boolean;
  /** Whether the cluster has DNSEndpoints. */
  readonly isServed: boolean;
  readonly standing: ObservedEndpoint;
}

interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** Whether a grant gives a domain to a namespace: the zone itself, or a name below it. */
export function isGranted(grants: DnsAutomationConfig, namespace: string, domain: string): boolean {
  return grants.some(
    ({ zones, namespaces }) =>
      namespaceAllowed(namespaces, namespace) && zones.some((zone) => domain === zone || domain.endsWith(`.${zone}`)),
  );
}

/** Looks at the DNSEndpoint of a SendingDomain. */
export function observeEndpoint(cluster: Cluster, { namespace, name }: Place): ObservedEndpoint {
  const object = cluster.get<"DNSEndpoint">({ kind: "DNSEndpoint", namespace, name: handOverName(name) });
  if (object === undefined) return { kind: "Absent" };
  const { resourceVersion = "", uid = "" } = object.metadata;
  return isHandOver(object.metadata, { namespace, name })
    ? { kind: "Ours", endpoints: object.spec.endpoints, resourceVersion, uid }
    : { kind: "Foreign" };
}

/** What stands in the way of what `spec.dns.publish: ExternalDNS` asks for. */
export function publishingProblems(
  place: Place & { readonly domain: string },
  seen: ObservedPublishing,
): readonly Problem[] {
  if (!seen.isGranted)
    return [problem("DNSAutomationNotAllowed", `The fleet does not grant ${place.domain} to this namespace.`)];
  if (!seen.isServed) return [problem("ExternalDNSNotFound", "The cluster has no DNSEndpoints.")];
  if (seen.standing.kind === "Foreign")
    return [problem("DNSEndpointNotOwned", `The DNSEndpoint ${handOverName(place.name)} is not Posthouse's.`)];
  return [];
}

/** Makes the DNSEndpoint say what is to be published, or go when nothing is; never touches another's. */
export function publishingActions(
  place: Place,
  wanted: readonly DnsEndpoint[],
  seen: ObservedPublishing,
): readonly Action[] {
  const { standing, isServed } = seen;
  if (!isServed || standing.kind === "Foreign") return [];
  if (wanted.length === 0) return dropEndpoint(place, standing);
  if (standing.kind === "Ours" && isDeepStrictEqual(standing.endpoints, wanted)) return [];
  const version = standing.kind === "Ours" ? standing.resourceVersion : undefined;
  return [{ kind: "publish", object: endpointObject(place, wanted, version) }];
}

/** Deletes the DNSEndpoint of a SendingDomain, and with it the records. */
export function dropEndpoint({ namespace, name }: Place, standing: ObservedEndpoint | undefined): readonly Action[] {
  if (standing?.kind !== "Ours") return [];
  const { uid, resourceVersion } = standing;
  return [{ kind: "delete", key: { kind: "DNSEndpoint", namespace, name: handOverName(name) }, uid, resourceVersion }];
}

/**
 * The records to publish: those of DKIM keys, whose names are Posthouse's own; SPF and DMARC where their name shows no TXT
 * record at all, or was published this way before and nobody else's record came beside it. An automat that takes a whole
 * name must not take what others have put there.
 */
export function endpointsFor(
  records: readonly RecordStatus[],
  evidence: DomainEvidence,
  standing: ObservedEndpoint,
): readonly DnsEndpoint[] {
  const published = new Set(standing.kind === "Ours" ? standing.endpoints.map(({ dnsName }) => dnsName) : []);
  const mayPublish = ({ purpose, fqdn, verdict, publishIn }: RecordStatus): boolean => {
    if (publishIn !== undefined || purpose === "DMARCReport") return false;
    if (purpose === "DKIM") return true;
    if (published.has(fqdn)) return verdict !== "NeedsMerge";
    const answer = evidence.names.get(fqdn)?.answer?.kind;
    return verdict === "Missing" && (answer === "NXDomain" || answer === "NoData");
  };
  return records
    .filter(mayPublish)
    .map(({ fqdn, type, value }) => ({ dnsName: fqdn, recordType: type, targets: [target(value)] }))
    .toSorted((a, b) => (a.dnsName < b.dnsName ? -1 : 1));
}

/** A TXT value as providers want it: in quoted strings of at most 255 octets each where one is not enough. */
function target(value: string): string {
  const parts = stringsOf(octetsOf(value));
  return parts.length === 1 ? value : parts.map((part) => `"${escapeOctets(part)}"`).join(" ");
}

function endpointObject(
  { namespace, name }: Place,
  endpoints: readonly DnsEndpoint[],
  resourceVersion?: string,
): DnsEndpointObject {
  const own = {
    namespace,
    name: handOverName(name),
    labels: { [labels.record]: "hand-over" },
    owner: tenantKey(namespace, name),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
  return {
    apiVersion: "externaldns.k8s.io/v1alpha1",
    kind: "DNSEndpoint",
    metadata: ownMetadata(own),
    spec: { endpoints },
  };
}
