import type { Cancel, Clock } from "../../runtime/clock.ts";
import { createQueues } from "./queues.ts";

/** When a folder is read again; milliseconds. */
export interface Timing {
  /** How long the folder must be quiet before it is read: editors write in several steps. */
  readonly settle: number;
  /** How long changes may go on before it is read all the same. */
  readonly patience: number;
  /** How often it is looked at without any word of a change: some file systems tell of none. */
  readonly rescan: number;
}
const usualTiming: Timing = { settle: 100, patience: 2000, rescan: 30_000 };

/** What decides when a task runs. */
export interface RescanTimer {
  /** Runs it after what is running now; rejects as it does. */
  readonly now: () => Promise<void>;
  /** Runs it when no word of a change has come for a while. */
  readonly soon: () => void;
  /** Ends it all, and waits for what is running. */
  readonly stop: () => Promise<void>;
}

/** What a timer needs. */
export interface RescanOptions {
  readonly clock: Clock;
  readonly timing?: Partial<Timing>;
  readonly onError: (error: unknown) => void;
}

/** Runs a task when asked, soon after changes have settled, and now and then; never twice at once. */
export function createRescanTimer({ clock, onError, timing }: RescanOptions, task: () => Promise<void>): RescanTimer {
  const { settle, patience, rescan } = { ...usualTiming, ...timing };
  const inTurn = createQueues();
  const state: { cancel?: Cancel; firstWord?: number | undefined; stopped: boolean } = { stopped: false };

  const wait = (delay: number): void => {
    state.cancel?.();
    if (!state.stopped) state.cancel = clock.after(delay, () => void now().catch(onError));
  };
  const now = (): Promise<void> =>
    inTurn("", async () => {
      if (state.stopped) return;
      state.firstWord = undefined;
      try {
        await task();
      } finally {
        if (state.firstWord === undefined) wait(rescan);
      }
    });
  return {
    now,
    soon() {
      state.firstWord ??= clock.now();
      wait(Math.max(0, Math.min(settle, state.firstWord + patience - clock.now())));
    },
    async stop() {
      state.stopped = true;
      state.cancel?.();
      await inTurn("", () => undefined);
    },
  };
}
