import type { RateLimit } from "../../contract/rates.ts";
import { rateKind, rateLimitsOf } from "../decision/rates.ts";
import { type Refusal, refuse } from "../decision/verdict.ts";
import type { Login } from "../directory.ts";
import type { RateLimited } from "../store/spool.ts";
import * as replies from "./replies.ts";
import type { Session } from "./state.ts";

/**
 * Asks before anything of a message comes whether the rates of a login admit one recipient: what is known to be refused
 * is not asked of the store again. Takes nothing; {@link Spool.accept} does.
 */
export async function refuseAtMail(session: Session, login: Login): Promise<Refusal | undefined> {
  const { services, client } = session;
  const { ledger, clock, rates, log } = services;
  const limits = rateLimitsOf(login, client, services.limits.ratePerAddress);
  if (limits.length === 0) return undefined;
  const now = clock.now();
  const known = rates.refusal(limits, 1, now);
  if (known !== undefined) return refuseByRate(session, known);
  try {
    const limited = await ledger.admits(limits, now);
    if (limited === undefined) return undefined;
    rates.note(limits, 1, limited, now);
    return refuseByRate(session, limited);
  } catch (error) {
    log.error({ err: error }, "cannot read the rates");
    return refuse(replies.storeFailed, "LedgerFailed");
  }
}

/** Refuses a message before its content comes, if as many recipients are known to be too many now. */
export function refuseAtData(session: Session, recipients: number): Refusal | undefined {
  const { services, client, state } = session;
  const login = services.directory().login(state.credentialId ?? "");
  const limits: readonly RateLimit[] =
    login === undefined ? [] : rateLimitsOf(login, client, services.limits.ratePerAddress);
  const known = services.rates.refusal(limits, recipients, services.clock.now());
  return known === undefined ? undefined : refuseByRate(session, known);
}

/** The refusal of a rate limit; who does not stop after so many on end is hung up on. */
export function refuseByRate({ services, state }: Session, { key, retryAt }: RateLimited): Refusal {
  const rateRefusals = state.tally.rateRefusals + 1;
  state.tally = { ...state.tally, rateRefusals };
  const seconds = Math.max(1, Math.ceil((retryAt - services.clock.now()) / 1000));
  const reply = rateRefusals < services.limits.rateRefusals ? replies.rateLimited : replies.rateIgnored;
  return refuse(reply(seconds), `${rateKind(key)}RateLimited`);
}
