/** How many recipients may come: both hold where both are given. */
export interface Rate {
  /** By GCRA with a burst of one second: on average, and after a quiet second as many at once. */
  readonly perSecond?: number;
  /** From 00:00 UTC. */
  readonly perDay?: number;
}

/** A rate and whose it is, such as `tenant/team-shop/shop` or `address/192.0.2.1`. */
export interface RateLimit extends Rate {
  readonly key: string;
}

/** What the ledger keeps of a limit. */
export interface RateState {
  /** GCRA's theoretical arrival time, milliseconds since the epoch. */
  readonly tat: number;
  /** The UTC day that `count` belongs to, days since the epoch. */
  readonly day: number;
  readonly count: number;
}

const second = 1000;
const dayLength = 86_400_000;
/** Sums of fractions of a second err by less than this, milliseconds: a burst is not one recipient short for that. */
const tolerance = 0.5;
/** No message has more recipients. */
const largestMessage = 1000;
/** How far apart the clocks of those who share a rate may be, milliseconds. */
const skew = 60_000;

/**
 * Takes recipients out of a rate: its new state, or when as many are admitted if nothing else comes before them.
 * More recipients than a burst, or than a day's count, are admitted when the whole burst, or the whole day, is free:
 * they then weigh on what follows. Otherwise a message larger than the limit could never be sent.
 *
 * `now` is the wall clock of the caller, not a clock that never runs back: several callers whose clocks differ by less
 * than a minute together never get more than the rate, and a clock that was far ahead does not shut it when it is set right.
 */
export function take(
  rate: Rate,
  state: RateState | undefined,
  recipients: number,
  now: number,
): { readonly state: RateState } | { readonly retryAt: number } {
  const { day, count } = dayOf(state, now);
  const tat = arrivalOf(rate, state, now);
  const retryAt = Math.max(
    dayOpensAt(rate, { day, count }, recipients, now),
    secondOpensAt(rate, tat, recipients, now),
  );
  if (retryAt > now) return { retryAt };
  const { perSecond } = rate;
  const cost = perSecond === undefined ? 0 : (recipients * second) / perSecond;
  return { state: { tat: tat + cost, day, count: count + recipients } };
}

/** From when on a state says no more than none would, milliseconds since the epoch. */
export function lapsesAt({ tat, day }: RateState): number {
  return Math.max(tat, (day + 1) * dayLength) + skew;
}

/** The day that counts and its count: tomorrow's, once somebody's clock has come there; not one that is further ahead. */
function dayOf(state: RateState | undefined, now: number): { readonly day: number; readonly count: number } {
  const today = Math.floor(now / dayLength);
  if (state === undefined || state.day < today) return { day: today, count: 0 };
  const close = state.day * dayLength - now <= skew;
  return { day: close ? state.day : today, count: state.count };
}

/** A time that no message could have left behind is of a clock that was ahead, and counts for nothing. */
function arrivalOf({ perSecond }: Rate, state: RateState | undefined, now: number): number {
  const tat = state?.tat ?? 0;
  if (perSecond === undefined) return now;
  const largestDebt = second + (largestMessage * second) / perSecond;
  return tat > now + largestDebt + skew ? now : Math.max(tat, now);
}

function dayOpensAt(
  { perDay }: Rate,
  { day, count }: { readonly day: number; readonly count: number },
  recipients: number,
  now: number,
): number {
  const fits = perDay === undefined || count === 0 || count + recipients <= perDay;
  return fits ? now : (day + 1) * dayLength;
}

function secondOpensAt({ perSecond }: Rate, tat: number, recipients: number, now: number): number {
  if (perSecond === undefined) return now;
  return Math.ceil(tat + (Math.min(recipients, perSecond) * second) / perSecond - second - tolerance);
}
