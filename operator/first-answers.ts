import type { Cancel, Clock } from "../runtime/clock.ts";

/** First questions about keys, until they are answered or their answers are late. */
export interface FirstAnswers {
  /** Takes in that a key is asked about; only the first time counts, and only while it is not answered. */
  readonly asked: (key: string) => void;
  /** Whether the answer is worth waiting for, so that what is told need not be told anew at once: not when it is there, or late. */
  readonly isAwaited: (key: string) => boolean;
  /** Takes in that a key is answered, or nobody asks any more. */
  readonly settle: (key: string) => void;
  readonly settleAll: () => void;
}

/** The first answers are mostly there after a moment; what waits for them waits no longer than this. Milliseconds. */
export const firstPatience = 2000;

/** Starts with nothing asked. */
export function createFirstAnswers(clock: Clock, isAnswered: (key: string) => boolean): FirstAnswers {
  const open = new Map<string, { isLate: boolean; readonly cancel: Cancel }>();
  const settle = (key: string): void => {
    open.get(key)?.cancel();
    open.delete(key);
  };
  return {
    asked(key) {
      if (open.has(key) || isAnswered(key)) return;
      const question = { isLate: false, cancel: clock.after(firstPatience, () => (question.isLate = true)) };
      open.set(key, question);
    },
    isAwaited: (key) => !isAnswered(key) && open.get(key)?.isLate !== true,
    settle,
    settleAll: () => [...open.keys()].forEach(settle),
  };
}
