/** The three probes of a running container. */
import type { Probe } from "./pod.ts";
import { count, look, type Probed, type Tally } from "./probe.ts";

export interface ProbeEvents {
  onStarted(): void;
  onReady(ready: boolean): void;
  /** The startup or the liveness probe gave it up. */
  onUnhealthy(probe: Probe): void;
}

/** Until a probe has succeeded once it is asked this often, in milliseconds, if its own period is longer. */
const impatience = 500;

/** Probes until the signal is aborted: startup first, then readiness and liveness. */
export async function probeContainer(probed: Probed, events: ProbeEvents, signal: AbortSignal): Promise<void> {
  const { startupProbe, readinessProbe, livenessProbe } = probed.container;
  if (startupProbe) {
    const isUp = await watchProbe(startupProbe, probed, signal, () => false);
    if (signal.aborted) return;
    if (!isUp) return events.onUnhealthy(startupProbe);
  }
  events.onStarted();
  if (!readinessProbe) events.onReady(true);
  await Promise.all([
    readinessProbe &&
      watchProbe(readinessProbe, probed, signal, (verdict) => {
        events.onReady(verdict);
        return true;
      }),
    livenessProbe &&
      watchProbe(livenessProbe, probed, signal, (isAlive) => {
        if (!isAlive) events.onUnhealthy(livenessProbe);
        return isAlive;
      }),
  ]);
}

/**
 * Looks every period and tells each verdict; ends with the verdict of which `onVerdict` says false. A startup probe ends with
 * its first verdict of either kind. Early looks that fail count once a period, as they would have without impatience.
 */
async function watchProbe(
  probe: Probe,
  probed: Probed,
  signal: AbortSignal,
  onVerdict: (verdict: boolean) => boolean,
): Promise<boolean> {
  const period = (probe.periodSeconds ?? 10) * 1000;
  const timeout = (probe.timeoutSeconds ?? 1) * 1000;
  let tally: Tally = { successes: 0, failures: 0 };
  let hasSucceeded = false;
  let countedAt = Number.NEGATIVE_INFINITY;
  await pause((probe.initialDelaySeconds ?? 0) * 1000, signal);
  while (!signal.aborted) {
    const succeeded = await look(probe, probed, timeout);
    if (signal.aborted) break;
    hasSucceeded ||= succeeded;
    if (hasSucceeded || Date.now() - countedAt >= period) {
      countedAt = Date.now();
      const next = count(tally, succeeded, probe);
      tally = next.tally;
      if (next.verdict !== undefined && !onVerdict(next.verdict)) return next.verdict;
    }
    await pause(hasSucceeded ? period : Math.min(period, impatience), signal);
  }
  return true;
}

/** Waits, but no longer than until the signal is aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || milliseconds <= 0) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end, { once: true });
  });
}
