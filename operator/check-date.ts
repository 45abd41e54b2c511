/** When something is checked next. */
export interface CheckDate {
  /** What was asked for, in milliseconds since the epoch, and how long a pause that was. */
  readonly wanted: number;
  readonly pause: number;
  /** What came of it, in milliseconds since the epoch. */
  readonly at: number;
}

/** Pauses longer than this are varied, so that ten thousand domains drift apart. Milliseconds. */
const longPause = 10_000;

/** A pause so many times the one before is another rhythm. */
const otherRhythm = 3;

/**
 * The date of a check that is wanted at a time. Another rhythm begins anywhere, so that what was checked together, after a
 * restart above all, parts for good; later pauses vary a little. However often the same is wanted, the date stands until it has come.
 */
export function checkDate(wanted: number, before: CheckDate | undefined, now: number, random: () => number): CheckDate {
  if (before?.wanted === wanted && before.at > now) return before;
  const pause = Math.max(0, wanted - now);
  if (pause <= longPause) return { wanted, pause, at: now + pause };
  const isOther = pause > otherRhythm * (before?.pause ?? 0);
  const varied = isOther ? Math.max(longPause, pause * (1 - random())) : pause * (1 + random() / 10);
  return { wanted, pause, at: now + varied };
}
