import type { Ended } from "./container-process.ts";

/** A container's state, as a pod's status has it. */
export type ContainerState =
  | { readonly waiting: { readonly reason: string; readonly message?: string } }
  | { readonly running: { readonly startedAt: string } }
  | { readonly terminated: Terminated };

export interface Terminated extends Ended {
  readonly reason: string;
  readonly startedAt: string;
  readonly finishedAt: string;
}

/** What became of a container so far. */
export interface ContainerRecord {
  readonly name: string;
  readonly image: string;
  readonly state: ContainerState;
  readonly lastState?: { readonly terminated: Terminated };
  readonly restartCount: number;
  readonly started: boolean;
  readonly ready: boolean;
  /** It ended and will not start again. */
  readonly isOver: boolean;
}

/** How a container ended, when it did. */
export function terminatedOf({ state }: ContainerRecord): Terminated | undefined {
  return "terminated" in state ? state.terminated : undefined;
}

/** Seconds are all that a status takes. */
export function timeOf(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
}

/** Milliseconds before restart number `restart` (the first is 0): a second, doubled each time, half a minute at most. */
export function restartDelay(restart: number): number {
  return Math.min(1000 * 2 ** restart, 30_000);
}
