import type { Cancel, Clock } from "../../runtime/clock.ts";

/** A time by which something must have happened, as a signal. */
export interface Deadline {
  /** Aborted when the time is over, or by the caller's own signal. */
  readonly signal: AbortSignal;
  /** Milliseconds left. */
  readonly left: () => number;
  /** Sets the time anew: so many milliseconds from now, or never. */
  readonly move: (delay: number | undefined) => void;
  /** Why the signal was aborted; undefined if it was not. */
  readonly cause: () => "Late" | "Aborted" | undefined;
  /** Lets go of the timer. */
  readonly end: () => void;
}

/** Starts one. */
export function startDeadline(clock: Clock, delay: number, signal?: AbortSignal): Deadline {
  const own = new AbortController();
  const both = signal === undefined ? own.signal : AbortSignal.any([own.signal, signal]);
  let at: number;
  let cancel: Cancel | undefined;
  const move = (next: number | undefined): void => {
    cancel?.();
    at = next === undefined ? Infinity : clock.now() + next;
    cancel = next === undefined ? undefined : clock.after(next, () => own.abort(new Error("too late")));
  };
  move(delay);
  return {
    signal: both,
    left: () => at - clock.now(),
    move,
    cause: () => (signal?.aborted === true ? "Aborted" : own.signal.aborted ? "Late" : undefined),
    end: () => cancel?.(),
  };
}
