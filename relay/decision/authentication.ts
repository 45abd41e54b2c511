import { timingSafeEqual } from "node:crypto";
import { type ApiKey, hashSecret } from "../../contract/api-key.ts";
import { balance, type Usage } from "../../contract/credits.ts";
import type { Login } from "../directory.ts";
import * as replies from "../session/replies.ts";
import type { Check } from "./chain.ts";
import { type ContractsFacts, contractsServeLogin } from "./contracts-age.ts";
import { isAllowedSource } from "./sources.ts";
import { accept, refuse } from "./verdict.ts";

/** What an AUTH command claims, and what is known of it. */
export interface AuthenticationFacts extends ContractsFacts {
  /** `apikey`, or the id of the key. */
  readonly username: string;
  /** The password as an API key; undefined when it is none. */
  readonly key: ApiKey | undefined;
  /** Whom the contracts name for the id of the key. */
  readonly login: Login | undefined;
  /** Address of the client. */
  readonly source: string;
  readonly now: number;
}

/** Compared with when there is nothing to compare with, so that an unknown id takes the time of a known one. */
const nobody = "0".repeat(64);

/** Checks that the key is one of ours, in constant time, and that the user name goes with it. */
export const keyIsValid: Check<AuthenticationFacts> = ({ username, key, login }) => {
  const expected = Buffer.from(login?.credential.sha256 ?? nobody, "hex");
  const given = Buffer.from(key === undefined ? nobody : hashSecret(key.secret), "hex");
  const same = timingSafeEqual(expected, given);
  if (key === undefined) return refuse(replies.invalidCredentials, "NotAnApiKey");
  if (login === undefined) return refuse(replies.invalidCredentials, "UnknownKey");
  if (!same) return refuse(replies.invalidCredentials, "WrongKey");
  if (username !== "apikey" && username !== key.id) return refuse(replies.invalidCredentials, "WrongUsername");
  return accept;
};

/** Checks that the key has not run out. */
export const keyIsCurrent: Check<AuthenticationFacts> = ({ login, now }) =>
  (login?.credential.notAfter ?? Number.POSITIVE_INFINITY) >= now
    ? accept
    : refuse(replies.invalidCredentials, "ExpiredKey");

/** Checks that the client may come from where it comes; the reply does not tell a thief that the key is good. */
export const sourceIsAllowed: Check<AuthenticationFacts> = ({ login, source }) =>
  isAllowedSource(source, login?.credential.allowedSources ?? [])
    ? accept
    : refuse(replies.invalidCredentials, "SourceNotAllowed");

/** What is asked at AUTH before the ledger is. */
export const authenticationChecks: readonly Check<AuthenticationFacts>[] = [
  contractsServeLogin,
  keyIsValid,
  keyIsCurrent,
  sourceIsAllowed,
];

/** What a tenant has spent, as far as AUTH looks at it. */
export interface CreditFacts {
  readonly login: Login;
  readonly usage: Usage | undefined;
  /** The store's clock. */
  readonly now: number;
}

/** Whether sending in an environment costs credits: captured mail costs nothing. */
export function isBilled({ environment }: Login): boolean {
  return environment.mode !== "Capture";
}

/** Refuses a tenant that has not one credit left: nothing that it sends could be accepted. */
export const creditsRemain: Check<CreditFacts> = ({ login, usage, now }) =>
  !isBilled(login) || (balance(login.tenant.allowance, usage, now).remaining ?? 1) > 0
    ? accept
    : refuse(replies.creditsExhausted, "CreditsExhausted");
