/** Sends the newest value, one at a time: what was overtaken while a call was under way is never sent. */
export interface Reporter {
  report(): void;
  /** Resolves when the newest value has been sent, or cannot be. */
  flush(): Promise<void>;
}

/** `send` reads the value itself. It is called again after a failure until it returns or `signal` is aborted. */
export function reporter(send: () => Promise<void>, signal: AbortSignal): Reporter {
  let isDue = false;
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    while (isDue && !signal.aborted) {
      isDue = false;
      try {
        await send();
      } catch {
        isDue = true;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    running = undefined;
  };
  return {
    report() {
      isDue = true;
      running ??= run();
    },
    flush: async () => running,
  };
}
