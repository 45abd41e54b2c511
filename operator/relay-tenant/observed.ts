import type { ObjectData } from "../../contract/codec.ts";
import type { Usage } from "../../contract/credits.ts";
import type { ContractKey } from "../../contract/tenant-contract.ts";
import type { RelayTenantSpec, RelayTenantStatus } from "../../crds/relay-tenant.ts";
import type { PlanConfig, SharedDomain } from "../config.ts";
import type { ObservedSecret } from "./application-secret.ts";
import type { CredentialRecord } from "./credential-record.ts";
import type { SharedState } from "./shared-domain.ts";
import type { ObservedSmarthosts, StandingCopy } from "./smarthost-secret.ts";

/** A credential record as it stands in the cluster. */
export interface StoredRecord extends CredentialRecord {
  readonly objectName: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** What the last pull said of a tenant's usage. */
export type ObservedUsage =
  /** `usage` is absent for a tenant that never sent; `keysUsed` tells when each key was last used, by its id. */
  | { readonly kind: "Known"; readonly usage?: Usage; readonly keysUsed?: Readonly<Record<string, number>> }
  | { readonly kind: "Unavailable" };

/** All that a plan for a RelayTenant looks at. It holds no API key. */
export interface ObservedTenant {
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  readonly spec: RelayTenantSpec;
  readonly status?: RelayTenantStatus;
  /** The annotation posthouse.dev/rotate. */
  readonly rotate?: string;
  /** The plan that the spec names, if the fleet has it. */
  readonly plan?: PlanConfig;
  /** The fleet's shared domain. */
  readonly sharedDomain?: SharedDomain;
  /** How the shared domain stands; absent for a tenant that may have own domains, or where there is none. */
  readonly sharedState?: SharedState;
  /** Every record of the tenant. */
  readonly records: readonly StoredRecord[];
  /** Names that the next records would have and at which something else stands. */
  readonly takenRecords?: ReadonlySet<string>;
  /** The Secrets that the spec and the records name, as far as they exist. */
  readonly secrets: ReadonlyMap<string, ObservedSecret>;
  /** The Secrets that smarthosts refer to and their copies; absent when there are none. */
  readonly smarthosts?: ObservedSmarthosts;
  /** Data of the contract Secret as it stands. */
  readonly contract?: ObjectData;
  /** resourceVersion of the contract Secret, whatever it holds; absent when there is none. */
  readonly contractVersion?: string;
  /** A Secret that is not Posthouse's stands in the contract's place. */
  readonly contractTaken?: true;
  readonly usage: ObservedUsage;
  /** Domains of the tenant that no claim of it holds, with their keys. */
  readonly unproven: readonly { readonly domain: string; readonly keys: readonly ContractKey[] }[];
  readonly contractNamespace: string;
}

/** What is left of a tenant whose RelayTenant is gone. */
export interface ObservedGoneTenant {
  readonly contractNamespace: string;
  readonly namespace: string;
  readonly name: string;
  /** The contract Secret, if it is still there and Posthouse's. */
  readonly contract?: { readonly uid: string; readonly resourceVersion: string };
  /** The copies of its credentials for smarthosts. */
  readonly copies?: readonly StandingCopy[];
}
