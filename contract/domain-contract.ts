import Type from "typebox";
import { ContractKey } from "./tenant-contract.ts";

const names = { minLength: 1, maxLength: 253 };

/**
 * The hold on a domain: one Secret, named by the domain's hash, created by the first claim that proves ownership.
 * Whoever finds it there reads who holds the domain; only that claim changes it.
 */
export const DomainContract = Type.Object({
  version: Type.Literal(1),
  /** Lower-case A-labels. */
  domain: Type.String(names),
  /** The SendingDomain that holds the domain. */
  claim: Type.Object({ namespace: Type.String(names), name: Type.String(names) }),
  /** The RelayTenant, in the claim's namespace, that may send as it. */
  tenant: Type.String(names),
  /** The Active keys: a message carries a signature of each. Empty means `NoVisibleKey`: mail is accepted and waits. */
  keys: Type.Array(ContractKey),
  provenAt: Type.Integer({ minimum: 0 }),
});
export type DomainContract = Type.Static<typeof DomainContract>;
