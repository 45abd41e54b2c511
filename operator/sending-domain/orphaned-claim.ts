import type { ClaimIdentity } from "../../contract/names.ts";
import type { DomainContract } from "../../contract/domain-contract.ts";
import { keyHistoryObject } from "../own-objects.ts";
import type { DomainEvidence } from "./evidence.ts";
import { holdAbsence, type Absence } from "./hold-loss.ts";
import { holdChange, narrowHold, type Changes } from "./hold.ts";
import { encodeKeyHistory, mergeKeys, type KeyEntry, type KeyHistory, type SeenKeys } from "./key-history.ts";
import { notInFuture, signingKeys, takeIn, type KeyWorld } from "./key-life.ts";
import { isLiving, isReported } from "./key-state.ts";
import { lifeNotes } from "./life-notes.ts";
import { dueAt, type DnsQuestions } from "./next-check.ts";
import { keyWorld, mostImportant } from "./next-keys.ts";
import type { DomainSettings, Stored } from "./observed.ts";
import { dkimName } from "./report.ts";

/** A claim whose SendingDomain is gone and whose contract stands, so that relays still sign with its keys. */
export interface OrphanedClaim extends SeenKeys {
  readonly claim: ClaimIdentity;
  readonly hold: Stored<DomainContract> & { readonly value: DomainContract };
  readonly history?: Stored<KeyHistory>;
  readonly evidence: DomainEvidence;
  readonly settings: DomainSettings;
}

/** What goes on for such a claim, and what to ask the DNS for it. */
export interface OrphanedClaimPlan extends Changes {
  readonly dns?: DnsQuestions;
}

/**
 * Watches the records of a claim whose SendingDomain is gone for as long as its contract stands: nothing may sign with a key
 * whose record is not there. Keys change with what DNS shows; none is made, none rotates and none retires.
 */
export function planOrphanedClaim(orphan: OrphanedClaim, now: number): OrphanedClaimPlan {
  const { claim, hold, history, evidence, settings } = orphan;
  const spec = { tenantRef: { name: hold.value.tenant }, dkim: specOf(hold.value) };
  const world = keyWorld({ claim, hold, evidence, settings, spec }, "Held", now);
  const entries = mergeKeys(history?.value?.keys ?? [], orphan, now)
    .map((entry) => notInFuture(entry, now))
    .map((entry) => takeIn(entry, world));
  const signing = signingKeys(entries, world);
  const reported = reportedKeys(entries, signing, world);
  const absence = holdAbsence(history?.value?.absence, reported, world.visibility, world);
  const state = { standing: "Held" as const, shown: true, absence, signing };
  const sources = { claim, hold, settings, spec };
  // Keys are not changed while nobody can tell what became of them, as for a claim that stands.
  const isUnreadable = history !== undefined && history.value === undefined;
  const parts = isUnreadable
    ? [narrowHold(sources, entries, now)]
    : [historyChange(orphan, entries, absence), holdChange(sources, state, now)];
  const names = reported.map(({ selector }) => dkimName(claim.domain, selector)).toSorted();
  const checkAt = Math.min(...reported.map((entry) => checkOf(orphan, entry, world)));
  return {
    actions: parts.flatMap(({ actions }) => actions),
    notes: parts.flatMap(({ notes }) => notes),
    ...(names.length > 0 && { dns: { names, zone: claim.domain, checkAt } }),
  };
}

/** What the spec would say as far as it is known: the algorithms that sign, or any when none does. */
function specOf({ keys }: DomainContract) {
  const known = [...new Set(keys.map(({ algorithm }) => algorithm))];
  return {
    algorithms: known.length > 0 ? known : (["RSA2048", "Ed25519"] as const),
    rotation: { schedule: "Manual" as const, overlap: "240h", retention: "720h" },
    revokedSelectors: [],
  };
}

function reportedKeys(
  entries: readonly KeyEntry[],
  signing: readonly KeyEntry[],
  { rules, inContract }: KeyWorld,
): readonly KeyEntry[] {
  const { retention } = rules;
  return mostImportant(
    entries.filter((entry) => isReported(entry, { retention, revokedSelectors: [] })),
    new Set([...inContract, ...signing.map(({ selector }) => selector)]),
  );
}

/** What the SendingDomain had set beside keys and absence stays as it was written down last. */
function historyChange(
  { claim, history, settings }: OrphanedClaim,
  keys: readonly KeyEntry[],
  { watch }: Absence,
): Changes {
  const { absence: _, ...before } = history?.value ?? { version: 1 as const, claim };
  const wanted: KeyHistory = { ...before, keys: [...keys], ...(watch && { absence: watch }) };
  const data = encodeKeyHistory(wanted);
  if (history?.value !== undefined && encodeKeyHistory(history.value)["history"] === data["history"])
    return { actions: [], notes: [] };
  const object = keyHistoryObject(settings.contractNamespace, claim, data, history?.resourceVersion);
  return {
    actions: [{ kind: history ? "apply" : "create", object }],
    notes: lifeNotes(history?.value?.keys ?? [], keys),
  };
}

function checkOf({ claim, evidence, settings }: OrphanedClaim, entry: KeyEntry, world: KeyWorld): number {
  const view = world.visibility(entry);
  const isWaiting = isLiving(entry) && (entry.activatedAt === undefined || entry.unseenAt !== undefined);
  return dueAt(
    evidence.names.get(dkimName(claim.domain, entry.selector)),
    { isSettled: view.seen === true || !isLiving(entry), ...(isWaiting && { waiting: view }) },
    settings.timing,
    world.now,
  );
}
