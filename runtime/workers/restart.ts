/** Milliseconds that a worker must have lived for its end to be one by itself, and not one of a row. */
const steady = 10_000;
/** Milliseconds before the second of a row; each further one waits twice as long. */
const firstDelay = 250;
const longestDelay = 30_000;
/** So many in a row are no chance. */
const suspicious = 3;

/** When to put another in the place of a worker that ended. */
export interface Restart {
  /** Ends in a row of this place, each soon after the start; 1 for a worker that had lived for a while. */
  readonly row: number;
  /** Milliseconds until the next one is started. */
  readonly delay: number;
  /** It ends again and again: something is wrong that another one does not mend. */
  readonly again: boolean;
}

/**
 * Decides about a worker that ended after `lived` milliseconds; `row` is that of the end before in its place, 0 at first.
 * It is never given up: the first is replaced at once, those in a row ever later.
 */
export function restartAfter(row: number, lived: number): Restart {
  const now = lived >= steady ? 1 : row + 1;
  const delay = now === 1 ? 0 : Math.min(firstDelay * 2 ** (now - 2), longestDelay);
  return { row: now, delay, again: now >= suspicious };
}
