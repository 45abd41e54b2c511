import type { KeyAlgorithm } from "../../contract/key-secret.ts";
import { importFaults, type ImportableKey } from "../import-key.ts";
import { problem, type Problem } from "../reasons.ts";
import { offerProblem } from "../secret-offer.ts";
import type { KeyEntry } from "./key-history.ts";
import { keyState } from "./key-state.ts";
import type { ObservedDomain } from "./observed.ts";

/** What an import comes to. */
export interface ImportStep {
  readonly entries: readonly KeyEntry[];
  /** The key to copy from the Secret that offers it. */
  readonly copy?: KeyCopy;
  readonly problems: readonly Problem[];
}

/** A private key to copy, by what is known of its public half. */
export interface KeyCopy {
  readonly selector: string;
  readonly algorithm: KeyAlgorithm;
  readonly fingerprint: string;
  /** Name of the Secret in the claim's namespace. */
  readonly secretName: string;
}

/** What an import depends on, beside the claim. */
export interface ImportWorld {
  /** Keys that sign. */
  readonly signing: readonly KeyEntry[];
  /** So many records stand that none may come beside them. */
  readonly isCrowded: boolean;
  readonly now: number;
}

/**
 * Takes in what the spec imports. A key is copied once, as long as no key that was made signs for its algorithm; what
 * becomes of its Secret afterwards is nothing to the copy. A copy that never signed is forgotten when it is needed no
 * more; one that signed lives on as every key does.
 */
export function takeImport(observed: ObservedDomain, known: readonly KeyEntry[], world: ImportWorld): ImportStep {
  const entries = known.flatMap((entry) => sweep(entry, observed, world));
  const { claim, spec, offered } = observed;
  const wanted = spec.dkim.import;
  if (wanted === undefined || offered === undefined) return { entries, problems: [] };
  const entry = entries.find(({ selector }) => selector === wanted.selector);
  if (!mayImport(observed, entry, world)) return { entries, problems: changedProblems(observed, entry) };
  const stop = (...problems: readonly Problem[]): ImportStep => ({ entries, problems });
  const secretName = wanted.secretRef.name;
  if (offered.kind !== "Offered") {
    const waiting = offerProblem(offered, { namespace: claim.namespace, name: secretName, use: "dkim-import" });
    return waiting ? stop(waiting) : stop();
  }
  if ("fault" in offered.value) return stop(unusable(secretName, importFaults[offered.value.fault]));
  const { key } = offered.value;
  const obstacle = obstacleOf(observed, entry, key, world);
  if (obstacle !== undefined) return stop(obstacle);
  if (!isNeeded(key.algorithm, observed, world)) return stop();
  const { selector } = wanted;
  const { algorithm, fingerprint } = key;
  const fresh: KeyEntry = { selector, algorithm, allottedAt: world.now, imported: true };
  return {
    entries: entry ? entries : [...entries, fresh],
    copy: { selector, algorithm, fingerprint, secretName },
    problems: [],
  };
}

/** Whether a copy is still to be made: there is none, it may sign, and there is something for it to sign. */
function mayImport(observed: ObservedDomain, entry: KeyEntry | undefined, world: ImportWorld): boolean {
  const { spec, keys } = observed;
  const selector = spec.dkim.import?.selector ?? "";
  if (spec.dkim.revokedSelectors.includes(selector)) return false;
  if (keys.some((key) => key.selector === selector) && entry?.imported) return false;
  if (entry?.imported && (entry.retiredAt !== undefined || entry.revokedAt !== undefined)) return false;
  return spec.dkim.algorithms.some((algorithm) => isNeeded(algorithm, observed, world));
}

/** Whether an imported key of an algorithm has something to do. */
function isNeeded(algorithm: KeyAlgorithm, { spec }: ObservedDomain, { signing }: ImportWorld): boolean {
  const isMade = signing.some((entry) => entry.algorithm === algorithm && entry.imported === undefined);
  return spec.dkim.algorithms.includes(algorithm) && !isMade;
}

/** Forgets an imported key that never signed and is not needed: first its private half goes, then its entry. */
function sweep(entry: KeyEntry, observed: ObservedDomain, world: ImportWorld): readonly KeyEntry[] {
  const { imported, activatedAt, revokedAt, retiredAt, selector, algorithm } = entry;
  if (imported === undefined || activatedAt !== undefined || revokedAt !== undefined) return [entry];
  if (!observed.keys.some((key) => key.selector === selector)) return [];
  if (retiredAt !== undefined) return [entry];
  const isWanted = observed.spec.dkim.import?.selector === selector && isNeeded(algorithm, observed, world);
  return [isWanted ? entry : { ...entry, retiredAt: world.now }];
}

function unusable(secretName: string, why: string): Problem {
  return problem("ImportKeyUnusable", `The Secret ${secretName} ${why}.`);
}

/** Why a key that can be read is not imported. */
function obstacleOf(
  { claim, spec, blocked }: ObservedDomain,
  entry: KeyEntry | undefined,
  key: ImportableKey,
  { isCrowded }: ImportWorld,
): Problem | undefined {
  const { selector, secretRef } = spec.dkim.import ?? { selector: "", secretRef: { name: "" } };
  if (!spec.dkim.algorithms.includes(key.algorithm))
    return unusable(secretRef.name, `holds an ${key.algorithm} key, and spec.dkim.algorithms does not name that`);
  if ((entry !== undefined && entry.imported === undefined) || blocked.includes(selector))
    return problem("ImportSelectorTaken", `The selector ${selector} stands for another key of this SendingDomain.`);
  if (entry?.key && entry.key.fingerprint !== key.fingerprint) return changed(selector, secretRef.name);
  if (entry === undefined && isCrowded)
    return problem("TooManyKeys", `Many records of DKIM keys stand at ${claim.domain}: no further key is imported.`);
  return undefined;
}

/** What is wrong although nothing is to be copied: the Secret offers another key than the one that was. */
function changedProblems({ spec, offered }: ObservedDomain, entry: KeyEntry | undefined): readonly Problem[] {
  if (offered?.kind !== "Offered" || "fault" in offered.value || entry?.key === undefined) return [];
  const { selector, secretRef } = spec.dkim.import ?? { selector: "", secretRef: { name: "" } };
  const isOver = keyState(entry) === "Retired" || keyState(entry) === "Revoked";
  if (isOver || entry.imported === undefined || entry.key.fingerprint === offered.value.key.fingerprint) return [];
  return [changed(selector, secretRef.name)];
}

function changed(selector: string, secretName: string): Problem {
  const found = `The Secret ${secretName} holds another key than the one that was imported at the selector ${selector}.`;
  return problem("ImportKeyChanged", found);
}
