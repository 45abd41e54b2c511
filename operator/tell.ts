import type { ObjectKey } from "../cluster/object.ts";
import type { Cluster } from "../cluster/port.ts";
import type { Logger } from "../runtime/log.ts";
import type { Action } from "./action.ts";
import type { Note } from "./plan.ts";

/** The object that a note is about. */
export interface About extends ObjectKey {
  /** Absent when the object is gone. */
  readonly uid?: string;
}

/**
 * Where notes go beside the log, such as Events. `action` is one CamelCase word for what Posthouse did. It must neither throw
 * nor make anybody wait: nothing that is told decides anything.
 */
export type NoteSink = (about: About, action: string, note: Note) => void;

/** Tells people of notes about an object. */
export type Tell = (object: ObjectKey, action: string, notes: readonly Note[]) => void;

/** Logs notes, and hands them to a sink where there is one. */
export function createTell({ cluster, log, onNote }: TellOptions): Tell {
  return (object, action, notes) => {
    if (notes.length === 0) return;
    const uid = onNote && cluster.get(object)?.metadata.uid;
    for (const note of notes) {
      log[note.level]({ object, reason: note.reason }, note.message);
      onNote?.({ ...object, ...(uid !== undefined && { uid }) }, action, note);
    }
  };
}

export interface TellOptions {
  readonly cluster: Pick<Cluster, "get">;
  readonly log: Logger;
  readonly onNote?: NoteSink;
}

/** What to call a status that was written. */
export const statusAction = "ReportStatus";

/** What to call the actions of one plan: the first that says more than that an object is written, such as `CreateKey`. */
export function actionWord(actions: readonly Action[]): string {
  const telling = actions.find(({ kind }) => kind !== "create" && kind !== "apply") ?? actions[0];
  return telling === undefined ? "Reconcile" : `${telling.kind.slice(0, 1).toUpperCase()}${telling.kind.slice(1)}`;
}
