import type { Cancel, Clock } from "../../runtime/clock.ts";

/** A time by which something must have happened, as a signal. */
export interface Deadline {
  /** Aborted when the time is over, or by one of the others. */
  readonly signal: AbortSignal;
  /** Milliseconds left. */
  readonly left: () => number;
  /** Sets the time anew: so many milliseconds from now, or never. */
  readonly move: (delay: number | undefined) => void;
  /** Whether the time was over before any other signal came. */
  readonly isLate: () => boolean;
  /** Lets go of the timer. */
  readonly end: () => void;
}

/** Starts one. The others are signals that end it before its time. */
export function startDeadline(clock: Clock, delay: number, others: readonly AbortSignal[] = []): Deadline {
  const own = new AbortController();
  const late = new Error("too late");
  const signal = AbortSignal.any([own.signal, ...others]);
  let at: number;
  let cancel: Cancel | undefined;
  const move = (next: number | undefined): void => {
    cancel?.();
    at = next === undefined ? Infinity : clock.now() + next;
    cancel = next === undefined ? undefined : clock.after(next, () => own.abort(late));
  };
  move(delay);
  return {
    signal,
    left: () => at - clock.now(),
    move,
    isLate: () => signal.reason === late,
    end: () => cancel?.(),
  };
}
