/** Waits for a promise as long as a signal allows; what the promise stands for goes on. */
export function whileAllowed<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const refuse = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    signal.addEventListener("abort", refuse, { once: true });
    const done = (): void => signal.removeEventListener("abort", refuse);
    if (signal.aborted) refuse();
    promise.then(resolve, reject).finally(done);
  });
}
