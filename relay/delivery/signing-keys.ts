import type { ContractKey, TenantContract } from "../../contract/tenant-contract.ts";
import type { Directory } from "../directory.ts";
import type { Envelope } from "../store/spool.ts";

/** The keys that sign a message now; none means that it waits (`NoVisibleKey`), for it never leaves unsigned. */
export function signingKeys(
  directory: Pick<Directory, "domain">,
  tenant: TenantContract,
  { fromDomain }: Pick<Envelope, "fromDomain">,
  isCapture: boolean,
): readonly ContractKey[] {
  const held = directory.domain(fromDomain);
  // The hold may have gone to somebody else since the message was accepted: their keys are not ours to sign with.
  if (held?.claim.namespace === tenant.namespace && held.tenant === tenant.name) return held.keys;
  if (!isCapture) return [];
  return tenant.unproven.find(({ domain }) => domain === fromDomain)?.keys ?? [];
}
