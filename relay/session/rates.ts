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
  let limited = rates.refusal(limits, 1, now);
  if (limited === undefined) {
    try {
      limited = await ledger.admits(limits, now);
    } catch (error) {
      log.error({ err: error }, "cannot read the rates");
      return refuse(replies.storeFailed, "LedgerFailed");
    }
    if (limited === undefined) return undefined;
    rates.note(limits, 1, limited, now);
  }
  return refuseByRate(session, limited);
}

/** Refuses a message before its content comes, if as many recipients are known to be too many now. */
export async function refuseAtData(session: Session, recipients: number): Promise<Refusal | undefined> {
  const { services, client, state } = session;
  const login = services.directory().login(state.credentialId ?? "");
  const limits: readonly RateLimit[] =
    login === undefined ? [] : rateLimitsOf(login, client, services.limits.ratePerAddress);
  const known = services.rates.refusal(limits, recipients, services.clock.now());
  return known === undefined ? undefined : refuseByRate(session, known);
}

/**
 * The refusal of a rate limit. Who goes on is answered late, so that a flood slows down to what costs others nothing,
 * and who does not stop is hung up on.
 */
export async function refuseByRate(session: Session, { key, retryAt }: RateLimited): Promise<Refusal> {
  const { services, state } = session;
  const { limits, clock } = services;
  const rateRefusals = state.tally.rateRefusals + 1;
  state.tally = { ...state.tally, rateRefusals };
  if (rateRefusals > 1) await session.pause(limits.rateRefusalDelay);
  const seconds = Math.max(1, Math.ceil((retryAt - clock.now()) / 1000));
  const reply = rateRefusals < limits.rateRefusals ? replies.rateLimited : replies.rateIgnored;
  return refuse(reply(seconds), `${rateKind(key)}RateLimited`);
}
