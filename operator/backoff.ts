/** How long to wait after failures in a row, in milliseconds. */
export interface BackoffOptions {
  /** After the first; it doubles each time. */
  readonly firstRetry: number;
  readonly longestRetry: number;
  /** 0 to 1; takes up to half of the pause away, so that what failed together does not come back together. */
  readonly random: () => number;
  /** The version of what is wanted of a key: one that failed at another version is not failing. All are one when absent. */
  readonly versionOf?: (key: string) => string;
}

/** Counts failures in a row, by key. */
export interface Backoff {
  /** Takes in a failure of a try that began at a version; the pause before the next. */
  readonly failed: (key: string, version?: string) => number;
  readonly succeeded: (key: string) => void;
  /** Whether the last try of the key failed, and was at the version that it has now. */
  readonly isFailing: (key: string) => boolean;
}

/** Starts with no failures. */
export function createBackoff({ firstRetry, longestRetry, random, versionOf }: BackoffOptions): Backoff {
  const failures = new Map<string, { readonly count: number; readonly version: string | undefined }>();
  return {
    failed(key, version) {
      const before = failures.get(key)?.count ?? 0;
      failures.set(key, { count: before + 1, version });
      const pause = Math.min(firstRetry * 2 ** Math.min(before, 30), longestRetry);
      return Math.round(pause * (1 - random() / 2));
    },
    succeeded: (key) => void failures.delete(key),
    isFailing(key) {
      const failure = failures.get(key);
      return failure !== undefined && failure.version === versionOf?.(key);
    },
  };
}
