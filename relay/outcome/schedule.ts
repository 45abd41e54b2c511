/** When a deferred delivery is tried again. Durations are milliseconds. */
export interface Schedule {
  /** After the first attempt, the second, and so on; the last one goes on repeating. At least one. */
  readonly delays: readonly number[];
  /** Part of a delay, 0 to 0.5, by which it is longer or shorter. */
  readonly jitter: number;
  /** How old a message gets before it expires, counted from its acceptance. */
  readonly maxAge: number;
}

/** How long to wait after attempt number `attempts` (from 1); `random` is a number from 0 up to 1. */
export function delayAfter(attempts: number, schedule: Schedule, random: number): number {
  const delay = schedule.delays[Math.max(attempts, 1) - 1] ?? schedule.delays.at(-1) ?? 0;
  return Math.round(delay * (1 + schedule.jitter * (2 * random - 1)));
}

/** Whether a message that was accepted at `acceptedAt` is too old at `now`. */
export function isExpired(acceptedAt: number, now: number, schedule: Schedule): boolean {
  return now - acceptedAt >= schedule.maxAge;
}

/** When to look at a delivery again after `delay`: never later than when it expires, so that it expires on time. */
export function nextDue(acceptedAt: number, now: number, delay: number, schedule: Schedule): number {
  return Math.min(now + delay, Math.max(acceptedAt + schedule.maxAge, now));
}
