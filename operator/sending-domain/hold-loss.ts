import type { KeyEntry } from "./key-history.ts";
import type { Visibility } from "./visibility.ts";
import { advanceWatch, startWatch, timeServed, type Pace, type WatchedTime } from "./watched-time.ts";

/** How long every record of a holder must be absent at every authoritative server before it loses the domain. */
const holdLoss = 72 * 3_600_000;

/** How long a holder's records have been gone. */
export interface Absence {
  /** To be written down; absent while a record is there. */
  readonly watch?: WatchedTime;
  /** Whether the hold is to be given up. */
  readonly over: boolean;
}

/**
 * Counts the time in which no authoritative server showed any record of a holder. A check that a server did not answer
 * says nothing: the count stands still, and a gap that is too long to be trusted is not made up for.
 */
export function holdAbsence(
  before: WatchedTime | undefined,
  keys: readonly KeyEntry[],
  visibility: (entry: KeyEntry) => Visibility,
  { waits, now }: { readonly waits: Pace; readonly now: number },
): Absence {
  const views = keys.filter(({ key }) => key !== undefined).map(visibility);
  if (views.some(({ shownSomewhere }) => shownSomewhere)) return { over: false };
  const absent = views.map(({ absentEverywhereAt }) => absentEverywhereAt);
  const unchanged = { ...(before && { watch: before }), over: false };
  if (absent.length === 0 || absent.includes(undefined)) return unchanged;
  const seenAt = Math.min(now, ...absent.map((time) => time ?? now));
  // One miss happens; the count begins with the second.
  if (before === undefined)
    return views.every(({ seen }) => seen === false) ? { watch: startWatch(seenAt), over: false } : unchanged;
  return { watch: advanceWatch(before, seenAt, waits), over: timeServed(before, seenAt, waits) >= holdLoss };
}
