import type { ContractKey, TenantContract } from "../../contract/tenant-contract.ts";
import { sharedContract, type Directory } from "../directory.ts";
import type { Envelope } from "../store/spool.ts";

/** Who signs a message: the domain of the signatures (`d=`), and its keys. */
export interface SigningIdentity {
  readonly domain: string;
  /** None means that the message waits (`NoVisibleKey`), for it never leaves unsigned. */
  readonly keys: readonly ContractKey[];
}

/**
 * Who signs a message now. The domain is that of the From header field, or the fleet's shared domain above it, which
 * aligns in DMARC's relaxed mode (RFC 9989): no receiver sees a difference but by asking for strict alignment.
 */
export function signingIdentity(
  directory: Pick<Directory, "domain">,
  tenant: TenantContract,
  { fromDomain }: Pick<Envelope, "fromDomain">,
  isCapture: boolean,
): SigningIdentity {
  const { shared, unproven } = tenant;
  if (shared?.domain === fromDomain)
    return { domain: shared.signedBy, keys: sharedContract(directory, shared)?.keys ?? [] };
  const held = directory.domain(fromDomain);
  // The hold may have gone to somebody else since the message was accepted: their keys are not ours to sign with.
  if (held?.claim.namespace === tenant.namespace && held.tenant === tenant.name)
    return { domain: fromDomain, keys: held.keys };
  if (!isCapture) return { domain: fromDomain, keys: [] };
  return { domain: fromDomain, keys: unproven.find(({ domain }) => domain === fromDomain)?.keys ?? [] };
}
