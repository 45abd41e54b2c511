import { claimHash, type ClaimIdentity } from "../../contract/names.ts";
import type { SendingDomainSpec } from "../../crds/sending-domain.ts";
import { parseDuration } from "../../runtime/duration.ts";
import type { KeyEntry } from "./key-history.ts";
import { keyState } from "./key-state.ts";
import { hasPrefix } from "./selectors.ts";

const hour = 3_600_000;
const day = 24 * hour;

/** Quarterly rotations fall on the first so many days of a quarter, by the claim's hash. */
const staggerDays = 75;
/** No key younger than this rotates quarterly. */
const youngestQuarterly = 60 * day;
/** How long a record outlives the last message that its key may have signed. */
const afterLastMessage = 48 * hour;
/** No record of a key that has signed is let go sooner. */
const shortestRetention = 48 * hour;

/** How the keys of a claim rotate; durations in milliseconds. */
export interface RotationRules {
  readonly schedule: "Manual" | "Quarterly" | "Interval";
  /** Of Interval: the age at which a key is replaced. */
  readonly every: number;
  /** How long a key is kept ready and its record stands after a newer one took over; never less than mail needs. */
  readonly overlap: number;
  readonly retention: number;
  /** The least that overlap may be, when the spec asks for less. */
  readonly overlapWanted?: number;
}

/** Reads a spec. Total: what the schema should have refused counts as its default, and too short an overlap is made long enough. */
export function rotationRules(
  rotation: SendingDomainSpec["dkim"]["rotation"],
  longestMessageAge: number,
): RotationRules {
  const overlap = duration(rotation.overlap, 240 * hour);
  const least = longestMessageAge + afterLastMessage;
  return {
    schedule: rotation.schedule,
    every: Math.max(day, duration(rotation.every, 2160 * hour)),
    overlap: Math.max(overlap, least),
    retention: Math.max(duration(rotation.retention, 720 * hour), shortestRetention),
    ...(overlap < least && { overlapWanted: least }),
  };
}

function duration(text: string | undefined, otherwise: number): number {
  try {
    return text === undefined ? otherwise : parseDuration(text);
  } catch {
    return otherwise;
  }
}

/** When the claim's keys rotate in the quarter that `now` lies in: its start, UTC, and up to 75 days, the same in each. */
export function quarterlySlot(claim: ClaimIdentity, now: number): number {
  return quarterStart(now) + (Number.parseInt(claimHash(claim).slice(0, 12), 16) % (staggerDays * day));
}

function quarterStart(now: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), 3 * Math.floor(date.getUTCMonth() / 3), 1);
}

/** How long a key has been in use. */
export interface KeyAge {
  /** When it became Active. */
  readonly since: number;
  /** Milliseconds that were seen to pass since; a jump of the clock adds nothing. */
  readonly age: number;
}

/**
 * Whether the schedule calls for a successor of an Active key. Quarterly asks how old the key was at the slot, not now:
 * else all the domains that a platform made in one hour would catch up in one hour too.
 */
export function scheduleDue(claim: ClaimIdentity, rules: RotationRules, { since, age }: KeyAge, now: number): boolean {
  if (rules.schedule === "Manual") return false;
  if (rules.schedule === "Interval") return age >= rules.every;
  const slot = quarterlySlot(claim, now);
  // In the first days of a quarter the slot of the one before may still be owed.
  const last = slot <= now ? slot : quarterlySlot(claim, quarterStart(now) - 1);
  return last - since >= youngestQuarterly && age >= youngestQuarterly;
}

/**
 * Whether an algorithm needs a key: there is none of the prefix that is in use or will be, or the newest is Active and
 * its time has come. One that is Pending answers every call for a rotation.
 */
export function needsKey(entries: readonly KeyEntry[], prefix: string, due: (newest: KeyEntry) => boolean): boolean {
  const newest = entries.findLast((entry) => {
    const state = keyState(entry);
    return entry.imported === undefined && (state === "Pending" || state === "Active");
  });
  if (newest === undefined || !hasPrefix(newest.selector, prefix)) return true;
  return keyState(newest) === "Active" && due(newest);
}
