/** How long to wait after failures in a row, in milliseconds. */
export interface BackoffOptions {
  /** After the first; it doubles each time. */
  readonly firstRetry: number;
  readonly longestRetry: number;
  /** 0 to 1; takes up to half of the pause away, so that what failed together does not come back together. */
  readonly random: () => number;
}

/** Counts failures in a row, by key. */
export interface Backoff {
  /** Takes in a failure; the pause before the next try. */
  readonly failed: (key: string) => number;
  readonly succeeded: (key: string) => void;
  /** Whether the last try of the key failed. */
  readonly isFailing: (key: string) => boolean;
}

/** Starts with no failures. */
export function createBackoff({ firstRetry, longestRetry, random }: BackoffOptions): Backoff {
  const failures = new Map<string, number>();
  return {
    failed(key) {
      const before = failures.get(key) ?? 0;
      failures.set(key, before + 1);
      const pause = Math.min(firstRetry * 2 ** Math.min(before, 30), longestRetry);
      return Math.round(pause * (1 - random() / 2));
    },
    succeeded: (key) => void failures.delete(key),
    isFailing: (key) => failures.has(key),
  };
}
