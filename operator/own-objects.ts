import type { ConfigMapObject, ObjectMeta, SecretObject } from "../cluster/object.ts";
import { encodeDomainContract, encodeTenantContract, type ObjectData } from "../contract/codec.ts";
import type { DomainContract } from "../contract/domain-contract.ts";
import {
  annotations,
  domainContractName,
  keyHistoryName,
  labels,
  tenantContractName,
  tenantKey,
  type ClaimIdentity,
} from "../contract/names.ts";
import type { TenantContract } from "../contract/tenant-contract.ts";

/** Where an object of ours stands, what it is, and whose. */
export interface OwnObject {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `namespace/name` of the custom resource that it was made for. */
  readonly owner: string;
  /** Change only this version of it. */
  readonly resourceVersion?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The metadata of an object that Posthouse makes: never more labels than its own, so that no tool prunes it as another's. */
export function ownMetadata(own: OwnObject): ObjectMeta {
  return {
    namespace: own.namespace,
    name: own.name,
    ...(own.resourceVersion !== undefined && { resourceVersion: own.resourceVersion }),
    labels: { [labels.managedBy]: "posthouse", ...own.labels },
    annotations: { [annotations.owner]: own.owner, ...own.annotations },
  };
}

/** Whether Posthouse made an object, and what it was made as. A name alone proves nothing: anybody may have taken it. */
export function isOurs({ labels: labelled }: ObjectMeta, label: string, value: string): boolean {
  return labelled?.[labels.managedBy] === "posthouse" && labelled[label] === value;
}

/** A Secret of ours in the contract namespace. */
export function ownSecret(own: OwnObject, data: ObjectData, immutable = false): SecretObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: ownMetadata(own),
    type: "Opaque",
    ...(immutable && { immutable }),
    data,
  };
}

/** The contract Secret of a tenant. */
export function tenantContractSecret(
  namespace: string,
  contract: TenantContract,
  resourceVersion?: string,
): SecretObject {
  return ownSecret(
    {
      namespace,
      name: tenantContractName(contract.namespace, contract.name),
      labels: { [labels.contract]: "tenant" },
      owner: tenantKey(contract.namespace, contract.name),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    encodeTenantContract(contract),
  );
}

/** The contract Secret of a domain: the hold. */
export function domainContractSecret(
  namespace: string,
  contract: DomainContract,
  resourceVersion?: string,
): SecretObject {
  return ownSecret(
    {
      namespace,
      name: domainContractName(contract.domain),
      labels: { [labels.contract]: "domain" },
      owner: tenantKey(contract.claim.namespace, contract.claim.name),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    encodeDomainContract(contract),
  );
}

/** The ConfigMap of a claim's key history. */
export function keyHistoryObject(
  namespace: string,
  claim: ClaimIdentity,
  data: ObjectData,
  resourceVersion?: string,
): ConfigMapObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: ownMetadata({
      namespace,
      name: keyHistoryName(claim),
      labels: { [labels.record]: "key-history" },
      owner: tenantKey(claim.namespace, claim.name),
      ...(resourceVersion !== undefined && { resourceVersion }),
    }),
    data,
  };
}
