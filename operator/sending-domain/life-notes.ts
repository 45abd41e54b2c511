import { info, warn, type Note } from "../plan.ts";
import type { KeyEntry } from "./key-history.ts";
import { keyState } from "./key-state.ts";

/** What happened to the keys of a claim between two histories, for people. */
export function lifeNotes(before: readonly KeyEntry[], after: readonly KeyEntry[]): readonly Note[] {
  const known = new Map(before.map((entry) => [entry.selector, entry]));
  return after.flatMap((entry) => noteOf(known.get(entry.selector), entry) ?? []);
}

function noteOf(before: KeyEntry | undefined, entry: KeyEntry): Note | undefined {
  return recordNote(before, entry) ?? (before && keyState(before) === keyState(entry) ? undefined : stateNote(entry));
}

function recordNote(before: KeyEntry | undefined, { selector, unseenAt, lostAt }: KeyEntry): Note | undefined {
  if (lostAt !== undefined && before?.lostAt === undefined)
    return warn("KeyLost", `The private key of selector ${selector} is gone; another takes its place.`);
  if (before?.unseenAt === undefined && unseenAt !== undefined)
    return warn("RecordLost", `DNS shows the record of selector ${selector} no more: nothing is signed with its key.`);
  if (before?.unseenAt !== undefined && unseenAt === undefined)
    return info("RecordBack", `DNS has shown the record of selector ${selector} for long enough again.`);
  return undefined;
}

function stateNote(entry: KeyEntry): Note | undefined {
  const { selector } = entry;
  const notes = {
    Pending: undefined,
    Active: info("KeyActivated", `Selector ${selector} is Active.`),
    Retiring: info("KeyRetiring", `A newer key signs instead of selector ${selector}: leave its record in place.`),
    Retired: info("KeyRetired", `Selector ${selector} is Retired.`),
    Revoked: warn("KeyRevoked", `Selector ${selector} is revoked: publish its record with an empty p= tag.`),
  };
  return notes[keyState(entry)];
}
