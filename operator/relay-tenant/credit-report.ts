import {
  balance,
  creditLevel,
  periodOf,
  type Allowance,
  type Balance,
  type CreditLevel,
} from "../../contract/credits.ts";
import type { RelayTenantStatus } from "../../crds/relay-tenant.ts";
import type { Finding } from "../conditions.ts";
import { info, warn, type Note } from "../plan.ts";
import { timestamp } from "../timestamp.ts";
import type { ObservedUsage } from "./observed.ts";

type CreditStatus = NonNullable<RelayTenantStatus["credits"]>;

/** Credits as a status tells them, and what the condition CreditsAvailable says. */
export interface CreditReport {
  readonly status?: CreditStatus;
  readonly finding: Finding;
  /** When time alone changes the report; absent when it never does. */
  readonly changesAt?: number;
}

/**
 * Reports credits in steps of a tenth of the limit, so that a status is written ten times a period and not once a
 * message; what is used is rounded down until all of it is. Unlimited ones are told to one significant digit.
 */
export function reportCredits(
  allowance: Allowance,
  observed: ObservedUsage,
  before: CreditStatus | undefined,
  now: number,
): CreditReport {
  const period = periodOf(allowance.credits, now);
  const ends = allowance.topUps.flatMap(({ expiresAt = 0 }) => (expiresAt > now ? [expiresAt] : []));
  const changesAt = Math.min(...ends, period.endsAt ?? Number.POSITIVE_INFINITY);
  const change = Number.isFinite(changesAt) ? { changesAt } : {};
  if (observed.kind === "Unavailable") {
    const message = "The relays cannot be asked how many credits are used; the last numbers stand.";
    return { ...(before && { status: before }), finding: unknown(message), ...change };
  }
  const { limit, used, remaining, resetsAt } = balance(allowance, observed.usage, now);
  const shown = limit === undefined ? leadingDigit(used) : tenths(used, limit);
  const status: CreditStatus = {
    period: period.name,
    ...(limit !== undefined && { limit }),
    used: shown,
    ...(limit !== undefined && { remaining: limit - shown }),
    ...(resetsAt !== undefined && { resetsAt: timestamp(resetsAt) }),
  };
  return { status, finding: available({ limit, used, remaining }), ...change };
}

/**
 * What to say when the credits have become low, have run out, or are there again. A status tells what the level was, as
 * its steps round down to what was surely used; one of another period, or of none, says that all was left.
 */
export function creditNotes(before: CreditStatus | undefined, after: CreditStatus | undefined): readonly Note[] {
  if (after === undefined) return [];
  const was = before?.period === after.period ? creditLevel(before) : "Left";
  const is = creditLevel(after);
  if (rank[is] > rank[was]) return [warn(is === "Low" ? "CreditsLow" : "CreditsExhausted", messages[is])];
  const wasGone = before !== undefined && creditLevel(before) === "Exhausted";
  return wasGone && is !== "Exhausted" ? [info("CreditsRenewed", "There are credits again: mail is accepted.")] : [];
}

const rank: Readonly<Record<CreditLevel, number>> = { Left: 0, Low: 1, Exhausted: 2 };
const messages: Readonly<Record<CreditLevel, string>> = {
  Left: "More than a tenth of the credits is left.",
  Low: "Nine tenths of the credits are used, or more.",
  Exhausted: "All credits are used: mail is refused until they are renewed or topped up.",
};

function available(now: Omit<Balance, "resetsAt">): Finding {
  if (now.limit === undefined) return { status: "True", reason: "Unlimited", message: "Credits are unlimited." };
  const level = creditLevel(now);
  const message = messages[level];
  if (level === "Exhausted") return { status: "False", reason: "CreditsExhausted", message };
  return { status: "True", reason: level === "Low" ? "CreditsLow" : "CreditsLeft", message };
}
function unknown(message: string): Finding {
  return { status: "Unknown", reason: "UsageUnavailable", message };
}

/** The least that can have been used when so many whole tenths are. */
function tenths(used: number, limit: number): number {
  if (limit === 0) return 0;
  return Math.ceil((Math.floor((used * 10) / limit) * limit) / 10);
}

function leadingDigit(used: number): number {
  const unit = 10 ** (String(used).length - 1);
  return Math.floor(used / unit) * unit;
}
