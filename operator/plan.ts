import type { Action } from "./action.ts";

/** Something that happened, for people: the shell logs it (and makes an Event of it where there are Events). */
export interface Note {
  readonly level: "info" | "warn";
  /** One CamelCase word. */
  readonly reason: string;
  readonly message: string;
}

/** What to do about one object. Pure data: the shell carries it out in this order, status last. */
export interface Plan<Status> {
  readonly actions: readonly Action[];
  /** The status to write once no action is left; absent when the object is gone. */
  readonly status?: Status;
  readonly notes: readonly Note[];
  /** What to say when the status is written: it tells of a change that needed no action. */
  readonly statusNotes?: readonly Note[];
  /** Milliseconds after which time alone may change the plan. */
  readonly recheckAfter?: number;
}

/** A note of what went as it should. */
export function info(reason: string, message: string): Note {
  return { level: "info", reason, message };
}

/** A note of what somebody should look at. */
export function warn(reason: string, message: string): Note {
  return { level: "warn", reason, message };
}
