import type { StoredRecord } from "./observed.ts";
import type { Rotation } from "./rotation.ts";

/** How long a key of a credential works. */
export type KeyLife =
  /** The newest: it works until another takes its place. */
  | { readonly kind: "Newest" }
  /** `inUse`: it works on after the end of its overlap, because it is used. */
  | { readonly kind: "Until"; readonly at: number; readonly overlapEnds: number; readonly inUse: boolean }
  /** Nobody can be asked whether it is in use: it works until somebody can. */
  | { readonly kind: "Unknown"; readonly overlapEnds: number };

/** What the end of a key depends on beside its records. */
export interface KeyFacts {
  readonly rotation: Rotation;
  readonly revoked: ReadonlySet<string>;
  /** When each key was last used, by its id; undefined when nobody can be asked. */
  readonly keysUsed: Readonly<Record<string, number>> | undefined;
}

/** As many keys of one credential work at once: whoever deletes its Secret again and again ends the oldest. */
const mostKeys = 5;

/**
 * A use is reported as the start of its hour, by a session that may be an hour old, some time later: a key in use must not
 * end between two reports.
 */
const reportLag = 3 * 3_600_000;

const ended: KeyLife = { kind: "Until", at: 0, overlapEnds: 0, inUse: false };

/**
 * The life of a key among the keys of its credential, `records`: the newest works on, another until an overlap after its
 * successor was issued. If it is used after that was issued, and the rotation does not say otherwise, it ends an overlap
 * after its last use. A revoked one has ended.
 */
export function keyLife(record: StoredRecord, records: readonly StoredRecord[], facts: KeyFacts): KeyLife {
  const { rotation, revoked, keysUsed } = facts;
  const later = records.filter(({ serial }) => serial > record.serial).toSorted((a, b) => a.serial - b.serial);
  const rivals = later.filter(({ id }) => !revoked.has(id));
  if (revoked.has(record.id) || rivals.length >= mostKeys) return ended;
  const [successor] = later;
  if (successor === undefined) return { kind: "Newest" };
  const overlapEnds = successor.issuedAt + rotation.overlap;
  const end = { kind: "Until" as const, at: overlapEnds, overlapEnds, inUse: false };
  if (!rotation.keepWhileUsed || rotation.overlap === 0) return end;
  if (keysUsed === undefined) return { kind: "Unknown", overlapEnds };
  const used = Object.hasOwn(keysUsed, record.id) ? (keysUsed[record.id] ?? 0) : 0;
  const unused = used + Math.max(rotation.overlap, reportLag);
  return used > successor.issuedAt && unused > overlapEnds ? { ...end, at: unused, inUse: true } : end;
}

/** Whether a key works at a time. */
export function works(life: KeyLife, now: number): boolean {
  return life.kind !== "Until" || life.at > now;
}

/** Whether a key works although its overlap is over. */
export function outlivesOverlap(life: KeyLife, now: number): boolean {
  return life.kind !== "Newest" && life.overlapEnds <= now && works(life, now);
}
