import type { Reply } from "../session/reply.ts";
import * as replies from "../session/replies.ts";
import type { Check } from "./chain.ts";
import { accept, refuse } from "./verdict.ts";

/**
 * Milliseconds after which a relay that heard nothing from where the contracts live takes no new mail: what was revoked or
 * suspended meanwhile must not go on for ever.
 */
export const longestContractsAge = 7 * 86_400_000;

/** What is known of the contracts themselves. */
export interface ContractsFacts {
  /** Milliseconds since the relay last heard from where they live; absent where they lie on the same machine. */
  readonly contractsAge?: number | undefined;
}

/** Whether contracts of this age are too old for new mail. */
export function areTooOld(contractsAge: number): boolean {
  return contractsAge > longestContractsAge;
}

function contractsAreCurrent(reply: Reply): Check<ContractsFacts> {
  return ({ contractsAge = 0 }) => (areTooOld(contractsAge) ? refuse(reply, "ContractsTooOld") : accept);
}

/** Checks at AUTH that the contracts are not too old to be believed. */
export const contractsServeLogin = contractsAreCurrent(replies.temporaryAuthenticationFailure);

/** Checks that for a message. */
export const contractsServeMail = contractsAreCurrent(replies.storeFailed);
