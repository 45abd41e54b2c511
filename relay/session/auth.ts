import { parseApiKey } from "../../contract/api-key.ts";
import {
  authenticationChecks,
  type AuthenticationFacts,
  creditsRemain,
  keyIsValid,
} from "../decision/authentication.ts";
import { decide } from "../decision/chain.ts";
import { type Refusal, refuse } from "../decision/verdict.ts";
import type { Login } from "../directory.ts";
import { refuseTally } from "./limits.ts";
import * as replies from "./replies.ts";
import { parsePlain, type PlainResponse } from "./sasl-plain.ts";
import type { Session, SessionServices } from "./state.ts";

/** AUTH PLAIN (RFC 4954, RFC 4616): the response comes with the command or behind a 334. */
export function auth(session: Session, line: Buffer): void | Promise<void> {
  const [, mechanism = "", response, ...more] = line.toString("latin1").trim().split(/ +/);
  if (!session.secure) return session.reply(replies.encryptionRequired);
  if (session.state.credentialId !== undefined) return session.reply(replies.alreadyAuthenticated);
  if (mechanism.toUpperCase() !== "PLAIN") return session.reply(replies.unknownMechanism);
  if (more.length > 0) return session.reply(replies.badAuthentication);
  if (response !== undefined) return answer(session, response);
  session.expectLine((_, next) => answer(session, next.toString("latin1").trim()));
  session.reply(replies.sendResponse);
}

async function answer(session: Session, response: string): Promise<void> {
  if (response === "*") return fail(session, refuse(replies.authenticationAborted, "Aborted"));
  const plain = parsePlain(response);
  if (plain === undefined) return fail(session, refuse(replies.badAuthentication, "BadResponse"));
  const facts = factsOf(session.services, plain, session.client);
  const result = await authenticate(session.services, facts);
  if ("reason" in result) return fail(session, result, keyIsValid(facts).kind === "Accept" ? facts.login : undefined);
  session.authenticated(result.credential.id);
  noteUse(session.services, result);
  session.reply(replies.authenticated);
}

/** The client does not wait for this, and nothing depends on it but a report. */
function noteUse({ ledger, clock, log }: SessionServices, { tenantKey, credential }: Login): void {
  ledger
    .noteKeyUse(tenantKey, credential.id, clock.now())
    .catch((error: unknown) => log.warn({ err: error, key: credential.id }, "cannot note that a key was used"));
}

function factsOf(
  { directory, contractsAge, clock }: SessionServices,
  { username, password }: PlainResponse,
  source: string,
): AuthenticationFacts {
  const key = parseApiKey(password);
  const login = key === undefined ? undefined : directory().login(key.id);
  return { username, key, login, source, now: clock.now(), contractsAge: contractsAge?.() };
}

/** Who a user name and password stand for, or why nobody. */
async function authenticate(
  { ledger, clock, log }: SessionServices,
  facts: AuthenticationFacts,
): Promise<Login | Refusal> {
  const { login } = facts;
  const verdict = decide(authenticationChecks, facts);
  if (verdict.kind !== "Accept") return verdict;
  if (login === undefined) return refuse(replies.invalidCredentials, "UnknownKey");
  try {
    const now = await ledger.time(clock.now());
    const credits = creditsRemain({ login, usage: await ledger.usage(login.tenantKey), now });
    return credits.kind === "Accept" ? login : credits;
  } catch (error) {
    log.error({ err: error }, "cannot read the ledger");
    return refuse(replies.temporaryAuthenticationFailure, "LedgerFailed");
  }
}

/**
 * Replies late, so that guessing takes its time, and hangs up on who fails too often. A refusal that passes, such as
 * credits that are gone, is no guess. `login` is whose key was right.
 */
async function fail(session: Session, refusal: Refusal, login?: Login): Promise<void> {
  const { state, services } = session;
  if (refusal.kind === "Reject") {
    state.tally = { ...state.tally, failedAuthentications: state.tally.failedAuthentications + 1 };
    await session.pause(services.limits.failedAuthenticationDelay);
  }
  const end = refuseTally(state.tally, services.limits);
  session.refuse(
    "Auth",
    end === undefined ? refusal : { ...refusal, reply: end },
    login === undefined ? {} : { login },
  );
}
