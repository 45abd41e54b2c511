import { balance, periodOf, type Allowance } from "../../contract/credits.ts";
import type { RelayTenantStatus } from "../../crds/relay-tenant.ts";
import type { Finding } from "../conditions.ts";
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
  return { status, finding: available(limit, used, remaining), ...change };
}

function available(limit: number | undefined, used: number, remaining: number | undefined): Finding {
  if (limit === undefined) return { status: "True", reason: "Unlimited", message: "Credits are unlimited." };
  if (remaining === 0) {
    const message = "All credits are used: mail is refused until they are renewed or topped up.";
    return { status: "False", reason: "CreditsExhausted", message };
  }
  if (used * 10 >= limit * 9)
    return { status: "True", reason: "CreditsLow", message: "Nine tenths of the credits are used, or more." };
  return { status: "True", reason: "CreditsLeft", message: "More than a tenth of the credits is left." };
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
