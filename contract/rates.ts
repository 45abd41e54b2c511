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

/**
 * Takes recipients out of a rate: its new state, or when as many are admitted if nothing else comes before them.
 * More recipients than a burst, or than a day's count, are admitted when the whole burst, or the whole day, is free:
 * they then weigh on what follows. Otherwise a message larger than the limit could never be sent.
 */
export function take(
  rate: Rate,
  state: RateState | undefined,
  recipients: number,
  now: number,
): { readonly state: RateState } | { readonly retryAt: number } {
  const day = Math.floor(now / dayLength);
  const count = state?.day === day ? state.count : 0;
  const tat = Math.max(state?.tat ?? 0, now);
  const retryAt = Math.max(dayOpensAt(rate, count, recipients, now), secondOpensAt(rate, tat, recipients, now));
  if (retryAt > now) return { retryAt };
  const { perSecond } = rate;
  const cost = perSecond === undefined ? 0 : (recipients * second) / perSecond;
  return { state: { tat: tat + cost, day, count: count + recipients } };
}

function dayOpensAt({ perDay }: Rate, count: number, recipients: number, now: number): number {
  const fits = perDay === undefined || count === 0 || count + recipients <= perDay;
  return fits ? now : (Math.floor(now / dayLength) + 1) * dayLength;
}

function secondOpensAt({ perSecond }: Rate, tat: number, recipients: number, now: number): number {
  if (perSecond === undefined) return now;
  return Math.ceil(tat + (Math.min(recipients, perSecond) * second) / perSecond - second);
}
