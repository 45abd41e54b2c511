import { createHash } from "node:crypto";

/** The kinds of custom resources that own objects. */
export type OwnerKind = "RelayTenant" | "SendingDomain";

/** A custom resource that is gone from a complete list and has left objects behind. */
export interface Missing {
  readonly kind: OwnerKind;
  readonly namespace: string;
  /** Milliseconds since the epoch: when it was first missing. */
  readonly firstMissing: number;
  readonly lookedAt: number;
  /** Milliseconds that it was missing while somebody looked. */
  readonly age: number;
  /** uids of the objects in the contract namespace that would go with it, where nobody else can make up any. */
  readonly objects: readonly string[];
}

/** What is missing and what is there. */
export interface OrphanWorld {
  /** How many custom resources of each kind are there, by namespace. */
  readonly present: ReadonlyMap<string, Readonly<Record<OwnerKind, number>>>;
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
  { kind, namespace, objects }: Pick<Missing, "kind" | "namespace" | "objects">,
  grace: number,
  now: number,
): Missing {
  if (before === undefined) return { kind, namespace, firstMissing: now, lookedAt: now, age: 0, objects };
  const step = Math.min(Math.max(0, now - before.lookedAt), 2 * lookInterval(grace));
  return { kind, namespace, firstMissing: before.firstMissing, lookedAt: now, age: before.age + step, objects };
}

/** What becomes of one missing custom resource; `token` is what {@link heldBack} says of it. */
export function judgeOrphan({ age }: Missing, token: string | undefined, grace: number): OrphanVerdict {
  if (token !== undefined) return { kind: "HoldBack", token };
  return age < grace ? { kind: "Wait", after: grace - age } : { kind: "Delete" };
}

type Entry = readonly [text: string, missing: Missing];
type Present = Readonly<Record<OwnerKind, number>>;

/**
 * The custom resources of which nothing may go because so much is missing, each with the token that confirms: more than 5
 * and more than 10 % of a kind or of both kinds together, in a namespace or in the fleet. What would lose nothing in the
 * contract namespace does not count, because anybody can make it up; it goes when the brake is off. A token stands for the
 * very objects that would be deleted, so it is good for nothing else, and a restart does not change it.
 */
export function heldBack(world: OrphanWorld): ReadonlyMap<string, string> {
  const waiting = [...world.missing].filter(([text]) => !world.confirmed.has(text));
  const counted = waiting.filter(([, { objects }]) => objects.length > 0);
  const all = total([...world.present.values()]);
  const emptied = [...Map.groupBy(counted, ([, { namespace }]) => namespace)].filter(([namespace, entries]) =>
    isMass(entries, world.present.get(namespace) ?? none),
  );
  const apart = new Set(emptied.filter(([, entries]) => isOwnersDoing(entries, counted, all)).map(([name]) => name));
  const others = counted.filter(([, { namespace }]) => !apart.has(namespace));
  if (isMass(others, all)) return new Map(waiting.map(([text]) => [text, tokenOf(counted)]));
  const tokens = new Map(emptied.map(([namespace, entries]) => [namespace, tokenOf(entries)]));
  return new Map(
    waiting.flatMap(([text, { namespace }]): readonly (readonly [string, string])[] => {
      const token = tokens.get(namespace);
      return token === undefined ? [] : [[text, token]];
    }),
  );
}

const none: Present = { RelayTenant: 0, SendingDomain: 0 };

/**
 * Whether whoever owns a namespace may have deleted all that it lacks. Such a one deletes SendingDomains, RelayTenants only
 * the platform does; and nobody deletes the last SendingDomain of namespaces that are not theirs.
 */
function isOwnersDoing(entries: readonly Entry[], counted: readonly Entry[], all: Present): boolean {
  if (entries.some(([, { kind }]) => kind === "RelayTenant")) return false;
  const domains = counted.filter(([, { kind }]) => kind === "SendingDomain");
  return all.SendingDomain > 0 || new Set(domains.map(([, { namespace }]) => namespace)).size === 1;
}

function total(each: readonly Present[]): Present {
  const sum = (kind: OwnerKind): number => each.reduce((count, present) => count + present[kind], 0);
  return { RelayTenant: sum("RelayTenant"), SendingDomain: sum("SendingDomain") };
}

function isMass(entries: readonly Entry[], present: Present): boolean {
  const tenants = entries.filter(([, { kind }]) => kind === "RelayTenant").length;
  return (
    isMany(tenants, present.RelayTenant) ||
    isMany(entries.length - tenants, present.SendingDomain) ||
    isMany(entries.length, present.RelayTenant + present.SendingDomain)
  );
}

function isMany(missing: number, present: number): boolean {
  return missing > fewOwners && missing * oneIn > missing + present;
}

function tokenOf(entries: readonly Entry[]): string {
  const objects = entries.flatMap(([, missing]) => missing.objects).toSorted();
  const digest = createHash("sha256").update(objects.join("\n")).digest("hex");
  return `${entries.length}-${digest.slice(0, 12)}`;
}
