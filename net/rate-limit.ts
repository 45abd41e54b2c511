import type { Clock } from "../runtime/clock.ts";

/** A token bucket: `burst` turns at once, then `perSecond`. */
export interface RateLimit {
  readonly perSecond: number;
  readonly burst: number;
}

export interface RateLimiter {
  /**
   * Waits for a turn at `key`, at most `patience` milliseconds. Resolves to false when the turn would come later than
   * that, or when the signal is aborted; a turn that is refused uses nothing up.
   */
  readonly turn: (key: string, patience: number, signal?: AbortSignal) => Promise<boolean>;
}

/**
 * When the bucket is full again after a turn, and how long until that turn, both in milliseconds. `fullAt` is when it
 * was full before the turn.
 */
export function takeTurn(
  fullAt: number,
  now: number,
  { perSecond, burst }: RateLimit,
): { readonly fullAt: number; readonly wait: number } {
  const interval = 1000 / perSecond;
  const next = Math.max(fullAt, now) + interval;
  return { fullAt: next, wait: Math.max(0, next - now - interval * burst) };
}

/** Buckets kept at most; full ones go first, since a full one says nothing. */
const mostKeys = 10_000;

/** One bucket a key. */
export function createRateLimiter(limit: RateLimit, clock: Clock): RateLimiter {
  const buckets = new Map<string, number>();
  const forgetFull = (now: number): void => {
    for (const [key, fullAt] of buckets) if (fullAt <= now) buckets.delete(key);
    const [oldest] = buckets.keys();
    if (buckets.size >= mostKeys && oldest !== undefined) buckets.delete(oldest);
  };
  return {
    async turn(key, patience, signal) {
      const now = clock.now();
      const known = buckets.get(key) ?? now;
      // What a clock that jumped back left in the future is not waited for.
      const longest = (limit.burst * 1000) / limit.perSecond + patience;
      const { fullAt, wait } = takeTurn(known - now > longest ? now : known, now, limit);
      if (wait > patience || signal?.aborted === true) return false;
      if (buckets.size >= mostKeys) forgetFull(now);
      buckets.set(key, fullAt);
      if (wait === 0) return true;
      return clock.sleep(wait, signal).then(
        () => true,
        () => false,
      );
    },
  };
}
