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

/** Logs notes one by one, and hands them to a sink where there is one: all of a level as one, since each may be a write. */
export function createTell({ cluster, log, onNote }: TellOptions): Tell {
  return (object, action, notes) => {
    for (const { level, reason, message } of notes) log[level]({ object, reason }, message);
    if (onNote === undefined || notes.length === 0) return;
    const uid = cluster.get(object)?.metadata.uid;
    for (const note of asOne(notes)) onNote({ ...object, ...(uid !== undefined && { uid }) }, action, note);
  };
}

/** A note of each level, by the reason of its first. */
function asOne(notes: readonly Note[]): readonly Note[] {
  const levels = [...new Set(notes.map(({ level }) => level))];
  return levels.flatMap((level): Note[] => {
    const same = notes.filter((note) => note.level === level);
    const message = [...new Set(same.map((note) => note.message))].join(" ");
    return same.slice(0, 1).map(({ reason }) => ({ level, reason, message }));
  });
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
