import type { ContractDelivery, ContractSmarthost } from "../../contract/tenant-contract.ts";
import type { HopTls } from "./hop.ts";

type TlsPolicy = ContractDelivery["tlsPolicy"];

/** How a direct hop is secured: its certificate is never verified, see {@link HopTls}. */
export function directTls(policy: TlsPolicy): HopTls {
  return { start: policy === "Required" ? "Required" : "IfOffered", verify: false };
}

/**
 * How a smarthost is secured: as its `security` says, never less; its certificate is verified iff the policy requires
 * TLS, or credentials are sent. Either overrules `None`.
 */
export function smarthostTls(
  policy: TlsPolicy,
  { security, credential }: Pick<ContractSmarthost, "security" | "credential">,
): HopTls {
  const verify = policy === "Required" || credential !== undefined;
  if (security === "ImplicitTLS") return { start: "Implicit", verify };
  if (verify) return { start: "Required", verify };
  return security === "None" ? { start: "Never", verify: false } : { start: "Required", verify: false };
}
