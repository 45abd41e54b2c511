import type { KeyAlgorithm } from "../../contract/key-secret.ts";
import type { KeyEntry } from "./key-history.ts";
import { isLiving, isSpent } from "./key-state.ts";
import type { RotationRules } from "./rotation.ts";
import { visibleLongEnough, type Visibility } from "./visibility.ts";
import { advanceWatch, startWatch, timeServed, type Pace, type WatchedTime } from "./watched-time.ts";

/** What moves the keys of a claim from state to state, beside time. */
export interface KeyWorld {
  readonly algorithms: readonly KeyAlgorithm[];
  readonly revokedSelectors: readonly string[];
  readonly rules: RotationRules;
  /** Whether keys of the claim may become Active: nobody else holds the domain. */
  readonly mayActivate: boolean;
  /** Whether the claim holds the domain. */
  readonly held: boolean;
  /** Selectors that the claim's contract names; relays sign with these now. */
  readonly inContract: ReadonlySet<string>;
  readonly visibility: (entry: KeyEntry) => Visibility;
  /** How overlap and retention are counted. */
  readonly waits: Pace;
  /** How the age of keys is counted. */
  readonly ages: Pace;
  readonly now: number;
}

const moments = ["allottedAt", "activatedAt", "unseenAt", "retiringAt", "retiredAt", "revokedAt", "lostAt"] as const;

/** A time that lies ahead of the clock, which was set back, is now: waits begin anew instead of lasting until then. */
export function notInFuture(entry: KeyEntry, now: number): KeyEntry {
  const ahead = moments.filter((member) => (entry[member] ?? 0) > now);
  return ahead.length === 0 ? entry : { ...entry, ...Object.fromEntries(ahead.map((member) => [member, now])) };
}

/** Revokes what the spec names, notes whose record is lost or back, and activates what was visible for long enough. */
export function takeIn(entry: KeyEntry, world: KeyWorld): KeyEntry {
  const { now } = world;
  if (entry.revokedAt === undefined && world.revokedSelectors.includes(entry.selector))
    return { ...entry, revokedAt: now, wait: startWatch(now) };
  if (!isLiving(entry) || entry.key === undefined) return entry;
  const view = world.visibility(entry);
  return entry.activatedAt === undefined ? activate(entry, view, world) : look(entry, view, now);
}

/** A first miss is written down, so that it counts after a restart too; the second stops the key. */
function look(entry: KeyEntry, view: Visibility, now: number): KeyEntry {
  const { missedAt, unseenAt, ...rest } = entry;
  if (view.missed && view.confirmedAt !== undefined) {
    if (unseenAt !== undefined) return entry;
    if (view.seen === false || (missedAt !== undefined && missedAt !== view.confirmedAt))
      return { ...rest, unseenAt: now };
    return missedAt === undefined ? { ...entry, missedAt: view.confirmedAt } : entry;
  }
  if (view.seen !== true) return entry;
  if (unseenAt !== undefined) return visibleLongEnough(view) ? rest : entry;
  return missedAt === undefined ? entry : rest;
}

function activate(entry: KeyEntry, view: Visibility, world: KeyWorld): KeyEntry {
  if (!world.mayActivate || (entry.imported !== undefined && !world.held)) return entry;
  // The contract of a claim whose history was lost knows which keys were Active.
  const known = world.inContract.has(entry.selector) && view.seen !== false;
  return known || visibleLongEnough(view) ? { ...entry, activatedAt: world.now, wait: startWatch(world.now) } : entry;
}

/**
 * The newest Active key of each algorithm whose record is to be seen, a key that was made before one that was imported.
 * While checks are undecided, after one miss or a restart, a key that the contract names goes on; another does not begin.
 * Nothing signs without an RSA2048 key among them: some receivers know no other, and to them mail that an Ed25519 key
 * alone has signed is unsigned.
 */
export function signingKeys(entries: readonly KeyEntry[], world: KeyWorld): readonly KeyEntry[] {
  const usable = entries.filter((entry) => {
    if (!isLiving(entry) || entry.activatedAt === undefined || entry.unseenAt !== undefined) return false;
    const { seen } = world.visibility(entry);
    return seen ?? world.inContract.has(entry.selector);
  });
  const newest = world.algorithms
    .toSorted()
    .toReversed()
    .flatMap((algorithm) => {
      const able = usable.filter((entry) => entry.algorithm === algorithm);
      return able.findLast(({ imported }) => imported === undefined) ?? able.at(-1) ?? [];
    });
  return newest.some(({ algorithm }) => algorithm === "RSA2048") ? newest : [];
}

/** Lets keys retire that others have taken over from, and counts what has passed of every overlap and retention. */
export function retire(
  entries: readonly KeyEntry[],
  signing: readonly KeyEntry[],
  world: KeyWorld,
): readonly KeyEntry[] {
  return entries.map((entry, place) => {
    if (!isLiving(entry)) return isSpent(entry) ? countRetention(entry, world) : entry;
    if (signing.includes(entry)) return countAge(back(entry), world);
    const signer = signing.find(({ algorithm }) => algorithm === entry.algorithm);
    const replaced =
      !world.algorithms.includes(entry.algorithm) ||
      (signer !== undefined && takesOver(entry, signer, place < entries.indexOf(signer)));
    if (entry.activatedAt === undefined)
      return replaced && !entry.imported ? { ...entry, retiredAt: world.now } : entry;
    return replaced ? countOverlap(entry, world) : countAge(entry, world);
  });
}

/** Whether a signing key replaces another: a newer one does, and one that was made any imported one, but never the reverse. */
function takesOver(entry: KeyEntry, signer: KeyEntry, isNewer: boolean): boolean {
  if (entry.imported === undefined) return signer.imported === undefined && isNewer;
  return signer.imported === undefined || isNewer;
}

/** A key that signs again is Active again. */
function back(entry: KeyEntry): KeyEntry {
  if (entry.retiringAt === undefined) return entry;
  const { retiringAt: _, wait: __, ...rest } = entry;
  return rest;
}

/** The same entry where nothing has advanced, so that what did not change is known to be the same without a look inside. */
function advanced(entry: KeyEntry, wait: WatchedTime): KeyEntry {
  return wait === entry.wait ? entry : { ...entry, wait };
}

function countAge(entry: KeyEntry, { now, ages }: KeyWorld): KeyEntry {
  const { retiringAt, wait } = entry;
  return retiringAt === undefined && wait ? advanced(entry, advanceWatch(wait, now, ages)) : entry;
}

function countOverlap(entry: KeyEntry, { now, waits, rules, inContract }: KeyWorld): KeyEntry {
  const { retiringAt, wait } = entry;
  // As long as the contract names it, relays sign with it.
  if (retiringAt === undefined || wait === undefined || inContract.has(entry.selector))
    return { ...entry, retiringAt: now, wait: startWatch(now) };
  if (timeServed(wait, now, waits) >= rules.overlap) return { ...entry, retiredAt: now, wait: startWatch(now) };
  return advanced(entry, advanceWatch(wait, now, waits));
}

function countRetention(entry: KeyEntry, { now, waits, rules }: KeyWorld): KeyEntry {
  const { wait } = entry;
  if (wait === undefined) return { ...entry, wait: startWatch(now) };
  if (wait.served >= rules.retention) return entry;
  if (timeServed(wait, now, waits) >= rules.retention) return { ...entry, wait: { served: rules.retention, at: now } };
  return advanced(entry, advanceWatch(wait, now, waits));
}
