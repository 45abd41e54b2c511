import { hash as digest } from "node:crypto";
import { remember } from "../runtime/remember.ts";

/**
 * Every name and label that the operator and the relay share. Names are hashes where what they stand for could be longer
 * than an object name, or could collide by joining; whoever reads an object finds the plain words in its data.
 */

/** Namespace of contracts, keys and records when the fleet names no other. */
export const defaultContractNamespace = "posthouse-system";

/** Label keys. */
export const labels = {
  /** `tenant` or `domain`: the Secret is a contract. */
  contract: "posthouse.dev/contract",
  /** `dkim`: the Secret is a DKIM key. `smarthost`: it is a copy of a tenant's credentials for an upstream relay. */
  key: "posthouse.dev/key",
  /**
   * `credential` or `key-history`: the object is a record of what cannot be derived. `hand-over`: it tells users of DNS
   * records.
   */
  record: "posthouse.dev/record",
  /** {@link tenantHash} of the RelayTenant that an object belongs to. */
  tenant: "posthouse.dev/tenant",
  /** What a Secret that a custom resource refers to is offered for; set by its owner, never by Posthouse. */
  use: "posthouse.dev/use",
  /** `posthouse` on every object that Posthouse writes. */
  managedBy: "app.kubernetes.io/managed-by",
} as const;

/** Annotation keys. */
export const annotations = {
  /** On the ConfigMap {@link deletionsName}: the token of a mass deletion that may go on. */
  confirmDeletions: "posthouse.dev/confirm-deletions",
  /** `namespace/name` of the custom resource that an object was made for. */
  owner: "posthouse.dev/owner",
  /** A token on a SendingDomain, `<environment>/<credential>=<token>` on a RelayTenant: rotate now. */
  rotate: "posthouse.dev/rotate",
  /** `<environment>/<credential>` on an application Secret. */
  credential: "posthouse.dev/credential",
} as const;

/** Name of the ConfigMap in the contract namespace on which people confirm mass deletions. Posthouse only reads it. */
export const deletionsName = "posthouse-deletions";

/** Data key of a contract Secret's JSON. */
export const contractDataKey = "contract";

/** A SendingDomain as its keys are bound to it: another object that claims the same domain has another identity. */
export interface ClaimIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly domain: string;
}

/** A credential by its place in the tenant. */
export interface CredentialIdentity {
  readonly namespace: string;
  readonly tenant: string;
  readonly environment: string;
  readonly credential: string;
}

/** The tenant key that ledger, events and logs use. */
export function tenantKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/** 32 hex digits that stand for a RelayTenant in names and label values. */
export function tenantHash(namespace: string, name: string): string {
  return hash(tenantKey(namespace, name));
}

/** 32 hex digits that stand for a claim. */
export const claimHash: (claim: ClaimIdentity) => string = remember((claim) =>
  hash(`${claim.namespace}/${claim.name}/${claim.domain}`),
);

/** Name of a tenant's contract Secret. */
export function tenantContractName(namespace: string, name: string): string {
  return `tenant-${tenantHash(namespace, name)}`;
}

/** Name of a domain's contract Secret: the same for every claimant, which makes creating it the hold. */
export function domainContractName(domain: string): string {
  return `domain-${hash(domain)}`;
}

/** Name of the Secret of a claim's key. */
export function keySecretName(claim: ClaimIdentity, selector: string): string {
  return `dkim-${claimHash(claim)}-${selector}`;
}

/** Name of the ConfigMap with a claim's key history. */
export function keyHistoryName(claim: ClaimIdentity): string {
  return `keys-${claimHash(claim)}`;
}

/** Name of the ConfigMap beside a SendingDomain that hands over its records; a hash takes the place of what is too long. */
export function handOverName(name: string): string {
  if (name.length <= 249) return `${name}-dns`;
  return `${name.slice(0, 200).replace(/[^a-z0-9]+$/, "")}-${hash(name)}-dns`;
}

/** Name of the Secret with credentials for an upstream relay, by their fingerprint: other credentials are another Secret. */
export function smarthostSecretName(fingerprint: string): string {
  return `smarthost-${fingerprint}`;
}

/** Name of the record of the n-th key issued for a credential, counted from 1: who is second to issue it finds the name taken. */
export function credentialRecordName(credential: CredentialIdentity, serial: number): string {
  const { namespace, tenant, environment } = credential;
  return `credential-${hash(`${namespace}/${tenant}/${environment}/${credential.credential}`)}-${serial}`;
}

function hash(text: string): string {
  return digest("sha256", text).slice(0, 32);
}
