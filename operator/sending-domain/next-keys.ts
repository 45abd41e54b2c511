import type { KeyAlgorithm } from "../../contract/key-secret.ts";
import { annotations } from "../../contract/names.ts";
import { problem, type Problem } from "../reasons.ts";
import { mergeKeys, type KeyEntry } from "./key-history.ts";
import { notInFuture, retire, signingKeys, takeIn, type KeyWorld } from "./key-life.ts";
import { isLiving, isReported } from "./key-state.ts";
import { takeImport, type KeyCopy } from "./imports.ts";
import type { ObservedDomain } from "./observed.ts";
import { needsKey, rotationRules, scheduleDue, type RotationRules } from "./rotation.ts";
import { allotSelectors } from "./selectors.ts";
import { visibilityOf, type Visibility } from "./visibility.ts";
import { agePace, timeServed, waitPace } from "./watched-time.ts";

/** Who holds the domain: nobody, the claim, another, or a contract that cannot be read. */
export type Standing = "Free" | "Held" | "Taken" | "Unreadable";

/** The keys of a claim, one step further. */
export interface NextKeys {
  /** Every selector that was ever allotted, with what is new. */
  readonly entries: readonly KeyEntry[];
  /** Keys whose records are to stand in the zone, at most as many as a status lists. */
  readonly reported: readonly KeyEntry[];
  /** Keys that sign if the claim holds the domain. */
  readonly signing: readonly KeyEntry[];
  /** The key to import. */
  readonly copy?: KeyCopy;
  /** The token of the last rotation that was acted on. */
  readonly handledRotation?: string;
  readonly world: KeyWorld;
  readonly problems: readonly Problem[];
}

/** As many keys as a status lists. */
const mostKeys = 16;

/** Moves every key of a claim as far as evidence, spec and time allow, and allots new ones. */
export function nextKeys(observed: ObservedDomain, standing: Standing, now: number): NextKeys {
  const world = keyWorld(observed, standing, now);
  const { rules } = world;
  const known = mergeKeys(observed.history?.value?.keys ?? [], observed, now)
    .map((entry) => notInFuture(entry, now))
    .map((entry) => takeIn(entry, world));
  const rotation = rotationDue(observed, world, known);
  const allotted = rotation.isCrowded ? known : [...known, ...allot(observed, known, rotation.due, now)];
  const signing = signingKeys(allotted, world);
  const imports = takeImport(observed, allotted, { signing, isCrowded: rotation.isCrowded === true, now });
  const entries = retire(imports.entries, signing, world);
  return {
    entries,
    reported: mostImportant(
      entries.filter((entry) => isReported(entry, reportRules(observed, rules))),
      new Set([...world.inContract, ...signing.map(({ selector }) => selector)]),
    ),
    signing,
    ...(imports.copy && { copy: imports.copy }),
    ...(rotation.handled !== undefined && { handledRotation: rotation.handled }),
    world,
    problems: [...rotation.problems, ...imports.problems, ...specProblems(observed, rules, imports.entries)],
  };
}

/** What a {@link KeyWorld} is made of. */
export interface KeyWorldSources extends Pick<ObservedDomain, "claim" | "evidence" | "hold" | "settings"> {
  readonly spec: {
    readonly dkim: {
      readonly algorithms: readonly KeyAlgorithm[];
      readonly revokedSelectors: readonly string[];
      readonly rotation: ObservedDomain["spec"]["dkim"]["rotation"];
    };
  };
}

/** What moves the keys of a claim, from what was observed. */
export function keyWorld(observed: KeyWorldSources, standing: Standing, now: number): KeyWorld {
  const { spec, claim, evidence, hold, settings } = observed;
  const { timing, longestMessageAge } = settings;
  const held = standing === "Held";
  const views = new Map<string, Visibility>();
  const visibility = (entry: KeyEntry): Visibility => {
    const known = views.get(entry.selector);
    if (known) return known;
    const view = visibilityOf(entry, claim.domain, evidence, timing.activationDelay);
    views.set(entry.selector, view);
    return view;
  };
  return {
    algorithms: spec.dkim.algorithms,
    revokedSelectors: spec.dkim.revokedSelectors,
    rules: rotationRules(spec.dkim.rotation, longestMessageAge),
    mayActivate: held || standing === "Free",
    held,
    inContract: new Set(held ? hold?.value?.keys.map(({ selector }) => selector) : []),
    visibility,
    waits: waitPace(timing.checkInterval),
    ages: agePace(timing.checkInterval),
    now,
  };
}

function reportRules({ spec }: ObservedDomain, { retention }: RotationRules) {
  return { retention, revokedSelectors: spec.dkim.revokedSelectors };
}

interface RotationDue {
  /** Whether the key that is the newest of its algorithm is to get a successor. */
  readonly due: (newest: KeyEntry) => boolean;
  readonly handled?: string;
  /** So many records stand that none may come beside them, for whatever reason. */
  readonly isCrowded?: boolean;
  readonly problems: readonly Problem[];
}

/**
 * Whether keys are to rotate, because somebody asked or because it is time. A token is acted on once. While a new key is
 * Pending it answers: no other is made beside it. When too many records would have to stand, the rotation waits.
 */
function rotationDue(observed: ObservedDomain, world: KeyWorld, known: readonly KeyEntry[]): RotationDue {
  const { claim, rotate, spec } = observed;
  const before = handledBefore(observed);
  const never = { due: () => false, ...before, problems: [] };
  if (!world.mayActivate) return never;
  const asked = rotate !== undefined && rotate !== before.handled;
  const due = (newest: KeyEntry): boolean =>
    asked ||
    scheduleDue(claim, world.rules, { since: newest.activatedAt ?? world.now, age: ageOf(newest, world) }, world.now);
  const standing = known.filter((entry) => isReported(entry, reportRules(observed, world.rules))).length;
  if (standing + spec.dkim.algorithms.length <= mostKeys)
    return { due, ...(asked ? { handled: rotate } : before), problems: [] };
  if (needyAlgorithms(observed, known, due).length === 0) return { ...never, isCrowded: true };
  const found = `${standing} records of DKIM keys stand or are to stand at ${claim.domain}: no further key is made.`;
  return { ...never, isCrowded: true, problems: [problem("TooManyKeys", found)] };
}

/** Milliseconds that an Active key was seen to be in use. */
function ageOf({ wait, activatedAt }: KeyEntry, { now, ages }: KeyWorld): number {
  return wait ? timeServed(wait, now, ages) : now - (activatedAt ?? now);
}

/** The token that was last acted on; the status knows it when the history was lost. */
function handledBefore({ history, status }: ObservedDomain): { readonly handled?: string } {
  const handled = history === undefined ? status?.dkim?.lastHandledRotation : history.value?.handledRotation;
  return handled === undefined ? {} : { handled };
}

/** Algorithms that need a key. */
function needyAlgorithms(
  { spec }: ObservedDomain,
  known: readonly KeyEntry[],
  due: (newest: KeyEntry) => boolean,
): readonly KeyAlgorithm[] {
  const { selectorPrefix, algorithms } = spec.dkim;
  return algorithms.filter((wanted) =>
    needsKey(
      known.filter(({ algorithm }) => algorithm === wanted),
      selectorPrefix,
      due,
    ),
  );
}

/** New selectors for the algorithms that need a key. */
function allot(
  observed: ObservedDomain,
  known: readonly KeyEntry[],
  due: (newest: KeyEntry) => boolean,
  now: number,
): readonly KeyEntry[] {
  const needy = needyAlgorithms(observed, known, due);
  // What the spec revokes is known to be another key's, though the history may have forgotten it.
  const { revokedSelectors } = observed.spec.dkim;
  const taken = [...known.map(({ selector }) => selector), ...observed.blocked, ...revokedSelectors];
  return allotSelectors(observed.spec.dkim.selectorPrefix, needy, taken, now).map(({ selector, algorithm }) => ({
    selector,
    algorithm,
    allottedAt: now,
  }));
}

/**
 * When there are more than a status can list: never without those that sign, whose records must be looked at; left out
 * are the oldest that sign no more, then the newest that wait.
 */
export function mostImportant(entries: readonly KeyEntry[], signers: ReadonlySet<string>): readonly KeyEntry[] {
  const excess = Math.max(0, entries.length - mostKeys);
  const others = entries.filter(({ selector }) => !signers.has(selector));
  const spent = others.filter((entry) => !isLiving(entry));
  const waiting = others.filter(isLiving).toReversed();
  const dropped = new Set([...spent, ...waiting].slice(0, excess));
  return entries.filter((entry) => !dropped.has(entry));
}

function hours(time: number): string {
  return `${Math.ceil(time / 3_600_000)}h`;
}

function specProblems(
  { spec, settings }: ObservedDomain,
  rules: RotationRules,
  known: readonly KeyEntry[],
): readonly Problem[] {
  const problems: Problem[] = [];
  if (rules.overlapWanted !== undefined) {
    const found = `Mail is up to ${hours(settings.longestMessageAge)} old when it is signed: an overlap of ${spec.dkim.rotation.overlap} is too short, ${hours(rules.overlapWanted)} is the least and holds meanwhile.`;
    problems.push(problem("OverlapTooShort", found));
  }
  const selectors = new Set(known.map(({ selector }) => selector));
  const unknown = spec.dkim.revokedSelectors.find((selector) => !selectors.has(selector));
  if (unknown !== undefined)
    problems.push(problem("SelectorUnknown", `No key of this SendingDomain has the selector ${unknown}.`));
  return problems;
}

/** What the annotation on a SendingDomain asks for; undefined when it asks for nothing. */
export function rotationToken(annotated: Readonly<Record<string, string>> | undefined): string | undefined {
  return annotated?.[annotations.rotate]?.trim().slice(0, 64) || undefined;
}
