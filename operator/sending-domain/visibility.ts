import { compareDkim, showsKey } from "./dkim-record.ts";
import { activationWait, type DomainEvidence } from "./evidence.ts";
import type { KeyEntry } from "./key-history.ts";
import { dkimName } from "./report.ts";
import { answersIn, type ShownAnswer } from "./verdict.ts";

/** What the checks say of one key's record: all that the life of a key depends on. Times are milliseconds since the epoch. */
export interface Visibility {
  /**
   * Whether the record is to be seen, alone and unaltered, at every authoritative server that answered: true when the last
   * check that brought an answer says so, false when neither of the last two does, undefined in between.
   */
  readonly seen: boolean | undefined;
  /** Whether the last check that brought an answer says that it is not. */
  readonly missed: boolean;
  /** Milliseconds for which no check said otherwise, as far as they count; absent unless `seen`. */
  readonly shownFor?: number;
  /** When the last check was that brought an answer. */
  readonly confirmedAt?: number;
  /** Milliseconds for which the record must have been visible before the key signs. */
  readonly requiredDelay: number;
  /** Whether a server showed the key in any way in the last check that brought an answer. */
  readonly shownSomewhere: boolean;
  /** When the last check was, if every authoritative server answered and none showed the key. */
  readonly absentEverywhereAt?: number;
}

const nothingKnown: Visibility = { seen: undefined, missed: false, requiredDelay: 0, shownSomewhere: false };

/** The one place where evidence becomes what is known of a key's record. */
export function visibilityOf(
  entry: KeyEntry,
  domain: string,
  evidence: DomainEvidence,
  activationDelay: number,
): Visibility {
  const name = evidence.names.get(dkimName(domain, entry.selector));
  if (name?.answer === undefined || entry.key === undefined) return nothingKnown;
  const key = { algorithm: entry.algorithm, publicKey: entry.key.publicKey };
  const valid = (shown: ShownAnswer): boolean =>
    answersIn(shown).every((answer) => compareDkim(key, answer).verdict === "Valid");
  const now = valid(name.answer);
  const before = name.previous && valid(name.previous);
  const shownSomewhere = answersIn(name.answer).some((answer) => showsKey(key, answer));
  const all = name.failures === 0 && (name.silent ?? []).length === 0;
  return {
    seen: now || (before === false ? false : undefined),
    missed: !now,
    ...(now && { shownFor: name.shownFor }),
    confirmedAt: name.confirmedAt,
    requiredDelay: activationWait(name, evidence, activationDelay),
    shownSomewhere,
    ...(!shownSomewhere && all && { absentEverywhereAt: name.confirmedAt }),
  };
}

/** Whether a record has been visible for as long as a key must wait. */
export function visibleLongEnough({ seen, shownFor, requiredDelay }: Visibility): boolean {
  return seen === true && shownFor !== undefined && shownFor >= requiredDelay;
}
