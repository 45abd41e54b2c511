import { type Directory, type Login, maySendAs } from "../directory.ts";
import * as replies from "../session/replies.ts";
import type { Check } from "./chain.ts";
import { type ContractsFacts, contractsServeMail } from "./contracts-age.ts";
import { isAllowedSource } from "./sources.ts";
import { accept, refuse } from "./verdict.ts";

/** A message on its way in, as far as it is known. */
export interface SubmissionFacts extends ContractsFacts {
  readonly directory: Directory;
  /** Whom the session's credential stands for now; undefined when it was revoked meanwhile. */
  readonly login: Login | undefined;
  /** Address of the client. */
  readonly source: string;
  readonly now: number;
  /** Domain of MAIL FROM; undefined for the null reverse-path. */
  readonly senderDomain: string | undefined;
  /** Domain of the From header field, at the end of DATA. */
  readonly fromDomain?: string;
}

/** Checks that the credential of the session is still good: revocation does not wait for a client to hang up. */
export const credentialStands: Check<SubmissionFacts> = ({ login, now }) =>
  login !== undefined && (login.credential.notAfter ?? Number.POSITIVE_INFINITY) >= now
    ? accept
    : refuse(replies.credentialsRevoked, "CredentialRevoked");

/** Checks that the credential still may be used from where the client is. */
export const sourceStands: Check<SubmissionFacts> = ({ login, source }) =>
  login !== undefined && isAllowedSource(source, login.credential.allowedSources)
    ? accept
    : refuse(replies.credentialsRevoked, "SourceNotAllowed");

/** Checks that the tenant may send at all. */
export const tenantMaySend: Check<SubmissionFacts> = ({ login }) => {
  const state = login?.tenant.sending.state;
  if (state === "Active") return accept;
  return state === "Suspended"
    ? refuse(replies.tenantSuspended, "TenantSuspended")
    : refuse(replies.tenantDisabled, "TenantDisabled");
};

/** Checks that the environment takes mail. */
export const environmentTakesMail: Check<SubmissionFacts> = ({ login }) =>
  login !== undefined && login.environment.mode !== "Disabled"
    ? accept
    : refuse(replies.environmentDisabled(login?.environment.name ?? ""), "EnvironmentDisabled");

/**
 * Checks that the environment may send as the domain of MAIL FROM. The null reverse-path is accepted: automatic
 * answers must use it (RFC 3834 §3.3), it names nobody, and the From header field is checked all the same.
 */
export const senderDomainIsHeld: Check<SubmissionFacts> = ({ directory, login, senderDomain }) => {
  if (senderDomain === undefined) return accept;
  return login !== undefined && maySendAs(directory, login, senderDomain)
    ? accept
    : refuse(replies.senderDomainNotAllowed(senderDomain), "SenderDomainNotAllowed");
};

/** Checks that the environment may send as the domain of the From header field: its claim signs the message. */
export const fromDomainIsHeld: Check<SubmissionFacts> = ({ directory, login, fromDomain }) => {
  if (fromDomain === undefined) return accept;
  return login !== undefined && maySendAs(directory, login, fromDomain)
    ? accept
    : refuse(replies.fromDomainNotAllowed(fromDomain), "FromDomainNotAllowed");
};

/** Asked at MAIL, and again at the end of DATA with the From domain: what changed meanwhile counts. */
export const submissionChecks: readonly Check<SubmissionFacts>[] = [
  contractsServeMail,
  credentialStands,
  sourceStands,
  tenantMaySend,
  environmentTakesMail,
  senderDomainIsHeld,
  fromDomainIsHeld,
];
