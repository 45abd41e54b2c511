import { createHash } from "node:crypto";

/** The kinds of custom resources that own objects. */
export type OwnerKind = "RelayTenant" | "SendingDomain";

/** A custom resource that is gone from a complete list and has left objects behind. */
export interface Missing {
  readonly kind: OwnerKind;
  /** Milliseconds since the epoch: when it was first missing. */
  readonly firstMissing: number;
  readonly lookedAt: number;
  /** Milliseconds that it was missing while somebody looked. */
  readonly age: number;
  /** uids of the objects that would go with it. */
  readonly objects: readonly string[];
}

/** What is missing and what is there. */
export interface OrphanWorld {
  /** How many custom resources of each kind are there. */
  readonly present: Readonly<Record<OwnerKind, number>>;
  /** By `Kind/namespace/name`. */
  readonly missing: ReadonlyMap<string, Missing>;
  /** Those of `missing` that somebody has confirmed. */
  readonly confirmed: ReadonlySet<string>;
}

/** What becomes of the objects of a custom resource that is gone. */
export type OrphanVerdict =
  | { readonly kind: "Delete" }
  /** `after`: milliseconds until the hour is over. */
  | { readonly kind: "Wait"; readonly after: number }
  /** Too many went at once: nothing is deleted until `token` is confirmed or they come back. */
  | { readonly kind: "HoldBack"; readonly token: string };

/** Milliseconds between being first missing and being deleted. */
export const orphanGrace = 3_600_000;

/** Up to this many may always go at once. */
const fewOwners = 5;
/** More than one in so many may not. */
const oneIn = 10;

/** Milliseconds between two looks at what is missing, so that a twelfth of the grace is the most that one look can add. */
export function lookInterval(grace: number): number {
  return Math.ceil(grace / 12);
}

/**
 * Takes in another look that found a custom resource missing. The time between two looks counts only up to twice their
 * interval: neither a clock that jumps nor a machine that slept makes anything old that nobody watched.
 */
export function lookAgain(
  before: Missing | undefined,
  { kind, objects }: Pick<Missing, "kind" | "objects">,
  grace: number,
  now: number,
): Missing {
  if (before === undefined) return { kind, firstMissing: now, lookedAt: now, age: 0, objects };
  const step = Math.min(Math.max(0, now - before.lookedAt), 2 * lookInterval(grace));
  return { kind, firstMissing: before.firstMissing, lookedAt: now, age: before.age + step, objects };
}

/** What becomes of one missing custom resource; `token` is what {@link heldBack} says, if it concerns this one. */
export function judgeOrphan({ age }: Missing, token: string | undefined, grace: number): OrphanVerdict {
  if (token !== undefined) return { kind: "HoldBack", token };
  return age < grace ? { kind: "Wait", after: grace - age } : { kind: "Delete" };
}

/**
 * The token that confirms what is missing, if so much is that nothing may go: more than 5 and more than 10 % of a kind
 * or of both kinds together. It stands for the very objects that would be deleted, so it is good for nothing else, and
 * a restart does not change it.
 */
export function heldBack({ present, missing, confirmed }: OrphanWorld): string | undefined {
  const waiting = [...missing].filter(([text]) => !confirmed.has(text)).map(([, each]) => each);
  const tenants = waiting.filter(({ kind }) => kind === "RelayTenant").length;
  const domains = waiting.length - tenants;
  const mass =
    isMass(tenants, present.RelayTenant) ||
    isMass(domains, present.SendingDomain) ||
    isMass(waiting.length, present.RelayTenant + present.SendingDomain);
  if (!mass) return undefined;
  const objects = waiting.flatMap((each) => each.objects).toSorted();
  const digest = createHash("sha256").update(objects.join("\n")).digest("hex");
  return `${waiting.length}-${digest.slice(0, 12)}`;
}

function isMass(missing: number, present: number): boolean {
  return missing > fewOwners && missing * oneIn > missing + present;
}
