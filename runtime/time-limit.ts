import type { Clock } from "./clock.ts";

/**
 * A signal that is aborted after `timeout` milliseconds, or with another one. `cancel` lets go of timer and listener: what
 * `AbortSignal.any` makes stays until garbage is collected, and a process may ask hundreds of questions a second.
 */
export function timeLimit(
  clock: Clock,
  timeout: number,
  other?: AbortSignal,
): { readonly signal: AbortSignal; readonly cancel: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const stopTimer = clock.after(timeout, abort);
  other?.addEventListener("abort", abort, { once: true });
  if (other?.aborted === true) abort();
  const cancel = (): void => {
    stopTimer();
    other?.removeEventListener("abort", abort);
  };
  return { signal: controller.signal, cancel };
}
