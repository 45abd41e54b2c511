import type { KeyStatus } from "../../crds/sending-domain.ts";
import type { KeyEntry } from "./key-history.ts";
import type { Visibility } from "./visibility.ts";

export type KeyState = KeyStatus["state"];

/** Where a key is in its life: Pending, Active, Retiring, Retired, or Revoked at once. */
export function keyState(entry: KeyEntry): KeyState {
  if (entry.revokedAt !== undefined) return "Revoked";
  if (entry.retiredAt !== undefined || entry.lostAt !== undefined) return "Retired";
  if (entry.activatedAt === undefined) return "Pending";
  return entry.retiringAt === undefined ? "Active" : "Retiring";
}

/** Whether a key may still sign one day: its private half is there or will be. */
export function isLiving(entry: KeyEntry): boolean {
  const state = keyState(entry);
  return state !== "Retired" && state !== "Revoked";
}

/** Whether a key has ever signed, as far as is known, and signs no more. */
export function isSpent(entry: KeyEntry): boolean {
  return (
    !isLiving(entry) && entry.key !== undefined && (entry.activatedAt !== undefined || keyState(entry) === "Revoked")
  );
}

/** What the records of keys depend on. */
export interface ReportRules {
  /** Milliseconds for which the record of a key that signs no more is kept. */
  readonly retention: number;
  readonly revokedSelectors: readonly string[];
}

/**
 * Whether the record of a key is to stand in the zone: until the mail that it signed is old, and for a revoked key
 * as long as the spec names it.
 */
export function isReported(entry: KeyEntry, { retention, revokedSelectors }: ReportRules): boolean {
  if (entry.key === undefined) return false;
  if (isLiving(entry)) return true;
  if (keyState(entry) === "Revoked" && revokedSelectors.includes(entry.selector)) return true;
  return isSpent(entry) && (entry.wait?.served ?? 0) < retention;
}

/** Whether a key's record shows that the domain is the claim's: it was made for it, may still sign, and is to be seen. */
export function proves(entry: KeyEntry, view: Visibility): boolean {
  return entry.imported === undefined && isLiving(entry) && view.seen === true;
}
