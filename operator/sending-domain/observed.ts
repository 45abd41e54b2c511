import type { DomainContract } from "../../contract/domain-contract.ts";
import type { PublicKey } from "../../contract/key-secret.ts";
import type { ClaimIdentity } from "../../contract/names.ts";
import type { SendingDomainSpec, SendingDomainStatus } from "../../crds/sending-domain.ts";
import type { DnsAutomationConfig, DnsTiming, PlansConfig } from "../config.ts";
import type { ImportReading } from "../import-key.ts";
import type { SecretOffer } from "../secret-offer.ts";
import type { DomainEvidence } from "./evidence.ts";
import type { ObservedEndpoint, ObservedPublishing } from "./dns-endpoint.ts";
import type { ObservedHandOver } from "./hand-over.ts";
import type { OrphanedClaim } from "./orphaned-claim.ts";
import type { KeyHistory } from "./key-history.ts";

/** A record object as it stands in the cluster. */
export interface Stored<T> {
  /** Undefined when the object is there but cannot be read. */
  readonly value?: T;
  readonly resourceVersion: string;
  readonly uid: string;
}

/** The public half of a key Secret of the claim, and which object it is. */
export interface StoredKey extends PublicKey {
  readonly uid: string;
  readonly resourceVersion: string;
}

/** All that a plan for a SendingDomain looks at. It holds no private key. */
export interface ObservedDomain {
  readonly claim: ClaimIdentity;
  readonly generation: number;
  readonly spec: SendingDomainSpec;
  readonly status?: SendingDomainStatus;
  /** The token of the annotation posthouse.dev/rotate. */
  readonly rotate?: string;
  readonly tenantExists: boolean;
  /** The plan of the tenant, when it lets nobody send as domains of their own. */
  readonly planWithoutOwnDomains?: string;
  /** Public halves of the claim's key Secrets, by selector. */
  readonly keys: readonly StoredKey[];
  /** Selectors whose Secret is there and is no key of this claim: their names are of no use. */
  readonly blocked: readonly string[];
  readonly history?: Stored<KeyHistory>;
  /** What the Secret of spec.dkim.import offers; absent without that. */
  readonly offered?: SecretOffer<ImportReading>;
  /** Keys that a SendingDomain of this name left of another domain, and wanted deleted. */
  readonly formerKeys?: readonly StoredKey[];
  /** The contract of the domain, whoever's it is. */
  readonly hold?: Stored<DomainContract>;
  /** Contracts of other domains that a SendingDomain of this name held before it was made anew. */
  readonly formerHolds: readonly Stored<DomainContract>[];
  /** The ConfigMap in which records are handed over; absent when nobody looked. */
  readonly handOver?: ObservedHandOver;
  /** Publishing by ExternalDNS; absent when nobody looked. */
  readonly publishing?: ObservedPublishing;
  readonly evidence: DomainEvidence;
  /** Whether a first report waits for what the DNS says, which is about to come. */
  readonly isFirst?: boolean;
  readonly settings: DomainSettings;
}

/** The fleet's side of a SendingDomain. */
export interface DomainSettings {
  /** The fleet's catalogue; none means that every plan has own domains. */
  readonly plans?: PlansConfig;
  readonly contractNamespace: string;
  readonly spfInclude: string;
  /** Where records may be published through ExternalDNS; nowhere when absent. */
  readonly dnsAutomation?: DnsAutomationConfig;
  /** Whether a namespace has DNSEndpoints; none has when absent. */
  readonly hasEndpoints?: (namespace: string) => boolean;
  readonly timing: DnsTiming;
  /** How old a message may be when it is signed, in milliseconds: as long as the relays try. */
  readonly longestMessageAge: number;
}

/** What is left of a claim whose SendingDomain is gone. */
export interface ObservedGoneDomain {
  readonly contractNamespace: string;
  readonly namespace: string;
  readonly name: string;
  /** Contracts that the claim still holds. */
  readonly holds: readonly Stored<DomainContract>[];
  /** The same with their keys, to be watched while they stand. */
  readonly claims: readonly OrphanedClaim[];
  /** Keys that are to go with it. */
  readonly keys?: readonly StoredKey[];
  /** The ConfigMap in which its records were handed over. */
  readonly handOver?: ObservedHandOver;
  /** The DNSEndpoint by which they were published. */
  readonly endpoint?: ObservedEndpoint;
}
