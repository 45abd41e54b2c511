import { keySecretName } from "../../contract/names.ts";
import type { SendingDomainStatus } from "../../crds/sending-domain.ts";
import type { Action } from "../action.ts";
import { keyHistoryObject } from "../own-objects.ts";
import { info, type Plan } from "../plan.ts";
import { claimState, type ClaimState } from "./claim-state.ts";
import { dropEndpoint, endpointsFor, publishingActions } from "./dns-endpoint.ts";
import { encodeKeyHistory, type KeyHistory } from "./key-history.ts";
import { dropHandOver, handOverActions } from "./hand-over.ts";
import { holdChange, narrowHold, release, type Changes } from "./hold.ts";
import type { KeyCopy } from "./imports.ts";
import { lifeNotes } from "./life-notes.ts";
import { nextCheck, type DnsQuestions } from "./next-check.ts";
import type { ObservedDomain, ObservedGoneDomain, StoredKey } from "./observed.ts";
import { domainStatus } from "./status.ts";

/** What to do about a SendingDomain, and what to ask the DNS for it. */
export interface DomainPlan extends Plan<SendingDomainStatus> {
  readonly dns: DnsQuestions;
}

/** What to do about a SendingDomain. Pure and total; the same world and time give the same plan. */
export function planDomain(observed: ObservedDomain, now: number): DomainPlan {
  const state = claimState(observed, now);
  const changes = changesOf(observed, state, now);
  const { formerHolds, formerKeys = [], settings, claim, handOver, isFirst = false } = observed;
  const status = domainStatus(observed, state, now);
  // Records are told of once they are known and were looked for: each word about them is a write.
  const mayTell = !isFirst && state.lacking.length === 0;
  return {
    actions: [
      // First, so that nobody sends as a domain that this object was about before it was deleted and made anew.
      ...release(formerHolds, settings.contractNamespace, claim),
      ...formerKeys.map((key) => deleteKey(settings.contractNamespace, key)),
      ...changes.actions,
      ...(mayTell ? handOverActions(claim, status.records ?? [], handOver) : []),
      ...publish(observed, status),
    ],
    ...(!isFirst && { status }),
    notes: changes.notes,
    // That a kind has come is told by nobody.
    ...(state.problems.some(({ reason }) => reason === "ExternalDNSNotFound") && { recheckAfter: 60_000 }),
    dns: nextCheck(observed, state.records, state.waiting, now),
  };
}

/**
 * Publishes the records, where the claim asks for it and the fleet grants it; takes them back when the claim asks no more. While a
 * grant is missing nothing is written: a slip in the fleet file must not take the records of a whole zone from under mail that leaves.
 */
function publish({ claim, spec, publishing, evidence }: ObservedDomain, { records = [] }: SendingDomainStatus) {
  if (publishing === undefined) return [];
  if (spec.dns?.publish !== "ExternalDNS") return publishingActions(claim, [], publishing);
  return publishing.isGranted
    ? publishingActions(claim, endpointsFor(records, evidence, publishing.standing), publishing)
    : [];
}

/**
 * What to do about a claim whose SendingDomain is gone: its hold goes, so that nobody sends as the domain any more, and
 * its keys stay unless it wanted them deleted, so that the same claim made again proves itself with the record that still
 * stands. The history stays either way: no selector is ever used for another key.
 */
export function planGoneDomain(observed: ObservedGoneDomain): Plan<never> {
  const released = release(observed.holds, observed.contractNamespace, observed);
  const { keys = [], contractNamespace, handOver, endpoint } = observed;
  const deleted = keys.map((key) => deleteKey(contractNamespace, key));
  const message = `The SendingDomain is gone: its domain is released, its keys are ${deleted.length > 0 ? "deleted" : "kept"}.`;
  const actions = [...released, ...deleted, ...dropHandOver(observed, handOver), ...dropEndpoint(observed, endpoint)];
  return { actions, notes: released.length + deleted.length > 0 ? [info("DomainReleased", message)] : [] };
}

function changesOf(observed: ObservedDomain, state: ClaimState, now: number): Changes {
  if (observed.history !== undefined && observed.history.value === undefined)
    return narrowHold(observed, state.entries, now);
  const parts = [
    historyChange(observed, state),
    ...keyChanges(observed, state),
    holdChange(observed, state, now),
    ...spentKeys(observed, state),
  ];
  return { actions: parts.flatMap(({ actions }) => actions), notes: parts.flatMap(({ notes }) => notes) };
}

/** The history goes first: a selector is remembered before its key exists, and a key is Active there before it signs. */
function historyChange(observed: ObservedDomain, state: ClaimState): Changes {
  const { claim, history, settings } = observed;
  const { handledRotation, absence } = state;
  const wanted: KeyHistory = {
    version: 1,
    claim,
    keys: [...state.entries],
    ...(handledRotation !== undefined && { handledRotation }),
    ...(absence.watch && { absence: absence.watch }),
    ...(observed.spec.deletionPolicy === "Delete" && { deletionPolicy: "Delete" as const }),
  };
  if (history?.value && readTheSame(history.value, wanted)) return { actions: [], notes: [] };
  const data = encodeKeyHistory(wanted);
  const object = keyHistoryObject(settings.contractNamespace, claim, data, history?.resourceVersion);
  const notes = lifeNotes(history?.value?.keys ?? [], state.entries);
  return { actions: [{ kind: history ? "apply" : "create", object }], notes };
}

/** Whether two histories read the same. What was not made anew since the first was read needs no look inside. */
function readTheSame(before: KeyHistory, after: KeyHistory): boolean {
  const isUntouched =
    before.keys.length === after.keys.length &&
    before.keys.every((entry, place) => entry === after.keys[place]) &&
    before.handledRotation === after.handledRotation &&
    before.absence === after.absence &&
    before.deletionPolicy === after.deletionPolicy;
  return isUntouched || encodeKeyHistory(before)["history"] === encodeKeyHistory(after)["history"];
}

function keyChanges(observed: ObservedDomain, state: ClaimState): readonly Changes[] {
  const { claim, settings } = observed;
  const made = state.lacking.map(({ selector, algorithm }): Changes => ({
    actions: [{ kind: "createKey", namespace: settings.contractNamespace, claim, selector, algorithm }],
    notes: [info("KeyAllotted", `Selector ${selector} is allotted to a new ${algorithm} key.`)],
  }));
  return state.copy ? [...made, importChange(observed, state.copy)] : made;
}

function importChange({ claim, settings }: ObservedDomain, copy: KeyCopy): Changes {
  const message = `The key of selector ${copy.selector} is copied from the Secret ${copy.secretName}.`;
  return {
    actions: [{ kind: "importKey", namespace: settings.contractNamespace, claim, copy }],
    notes: [info("KeyImported", message)],
  };
}

/** The private halves of keys that sign no more go last: by then the history says so and the contract names them no more. */
function spentKeys({ keys, settings }: ObservedDomain, state: ClaimState): readonly Changes[] {
  const spent = new Set(
    state.entries
      .filter(({ retiredAt, revokedAt }) => retiredAt !== undefined || revokedAt !== undefined)
      .map(({ selector }) => selector),
  );
  return keys
    .filter(({ selector }) => spent.has(selector))
    .map((key) => ({
      actions: [deleteKey(settings.contractNamespace, key)],
      notes: [info("KeyDeleted", `The private key of selector ${key.selector} is deleted.`)],
    }));
}

function deleteKey(namespace: string, { claim, selector, uid, resourceVersion }: StoredKey): Action {
  return {
    kind: "delete",
    key: { kind: "Secret", namespace, name: keySecretName(claim, selector) },
    uid,
    resourceVersion,
  };
}
