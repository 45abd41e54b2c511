import Type from "typebox";

/**
 * Time that was seen to pass, in steps. A wait of days must end neither early nor twice because a clock jumped: only what
 * passed between two looks that lie close together counts, so a jump costs time and never gains more than one gap.
 */
export const WatchedTime = Type.Object({
  /** Milliseconds that have counted so far. */
  served: Type.Integer({ minimum: 0 }),
  /** When the last look was that is counted in. */
  at: Type.Integer({ minimum: 0 }),
});
export type WatchedTime = Type.Static<typeof WatchedTime>;

const hour = 3_600_000;

/** How a wait is counted, in milliseconds. */
export interface Pace {
  /** How often what has passed is written down. */
  readonly step: number;
  /** The longest pause between two looks that counts. */
  readonly gap: number;
}

/** For overlap, retention and absence; two checks of a fleet that checks seldom still count. */
export function waitPace(checkInterval: number): Pace {
  return { step: 6 * hour, gap: 12 * hour + 2 * checkInterval };
}

/** For the age of keys, which is counted for months. */
export function agePace(checkInterval: number): Pace {
  return { step: 48 * hour, gap: 72 * hour + 2 * checkInterval };
}

/** A wait that begins now. */
export function startWatch(now: number): WatchedTime {
  return { served: 0, at: now };
}

/** Milliseconds that were seen to pass until now. What ran back is taken off again, so that a clock that goes to and fro gains nothing. */
export function timeServed(watch: WatchedTime, now: number, { gap }: Pace): number {
  const passed = now - watch.at;
  return Math.abs(passed) <= gap ? Math.max(0, watch.served + passed) : watch.served;
}

/** The wait as it is to be written down: the same until a step has passed or the clock has jumped. */
export function advanceWatch(watch: WatchedTime, now: number, pace: Pace): WatchedTime {
  const passed = now - watch.at;
  return passed >= 0 && passed < pace.step ? watch : { served: timeServed(watch, now, pace), at: now };
}
