import { keySecretName } from "../../contract/names.ts";
import type { SendingDomainStatus } from "../../crds/sending-domain.ts";
import { keyHistoryObject } from "../own-objects.ts";
import { info, type Plan } from "../plan.ts";
import { claimState, type ClaimState } from "./claim-state.ts";
import { encodeKeyHistory, type KeyHistory } from "./key-history.ts";
import { dropHandOver, handOverActions } from "./hand-over.ts";
import { holdChange, release, type Changes } from "./hold.ts";
import { lifeNotes } from "./life-notes.ts";
import { nextCheck, type DnsQuestions } from "./next-check.ts";
import type { ObservedDomain, ObservedGoneDomain } from "./observed.ts";
import { domainStatus } from "./status.ts";

/** What to do about a SendingDomain, and what to ask the DNS for it. */
export interface DomainPlan extends Plan<SendingDomainStatus> {
  readonly dns: DnsQuestions;
}

/** What to do about a SendingDomain. Pure and total; the same world and time give the same plan. */
export function planDomain(observed: ObservedDomain, now: number): DomainPlan {
  const state = claimState(observed, now);
  const changes = changesOf(observed, state, now);
  const { formerHolds, settings, claim, handOver } = observed;
  const status = domainStatus(observed, state, now);
  return {
    actions: [
      // First, so that nobody sends as a domain that this object was about before it was deleted and made anew.
      ...release(formerHolds, settings.contractNamespace, claim),
      ...changes.actions,
      ...handOverActions(claim, status.records ?? [], handOver),
    ],
    status,
    notes: changes.notes,
    dns: nextCheck(observed, state.records, state.waiting, now),
  };
}

/**
 * What to do about a claim whose SendingDomain is gone: its hold goes, so that nobody sends as the domain any more, and
 * its keys and their history stay, so that the same claim made again proves itself with the record that still stands.
 */
export function planGoneDomain(observed: ObservedGoneDomain): Plan<never> {
  const released = release(observed.holds, observed.contractNamespace, observed);
  const message = "The SendingDomain is gone: its domain is released, its keys are kept.";
  const actions = [...released, ...dropHandOver(observed, observed.handOver)];
  return { actions, notes: released.length > 0 ? [info("DomainReleased", message)] : [] };
}

function changesOf(observed: ObservedDomain, state: ClaimState, now: number): Changes {
  if (observed.history !== undefined && observed.history.value === undefined) return { actions: [], notes: [] };
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
  };
  const data = encodeKeyHistory(wanted);
  if (history?.value !== undefined && encodeKeyHistory(history.value)["history"] === data["history"])
    return { actions: [], notes: [] };
  const object = keyHistoryObject(settings.contractNamespace, claim, data, history?.resourceVersion);
  const notes = lifeNotes(history?.value?.keys ?? [], state.entries);
  return { actions: [{ kind: history ? "apply" : "create", object }], notes };
}

function keyChanges(observed: ObservedDomain, state: ClaimState): readonly Changes[] {
  const { claim, settings } = observed;
  return state.lacking.map(({ selector, algorithm }) => ({
    actions: [{ kind: "createKey", namespace: settings.contractNamespace, claim, selector, algorithm }],
    notes: [info("KeyAllotted", `Selector ${selector} is allotted to a new ${algorithm} key.`)],
  }));
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
    .map(({ claim, selector, uid, resourceVersion }) => ({
      actions: [
        {
          kind: "delete",
          key: { kind: "Secret", namespace: settings.contractNamespace, name: keySecretName(claim, selector) },
          uid,
          resourceVersion,
        },
      ],
      notes: [info("KeyDeleted", `The private key of selector ${selector} is deleted.`)],
    }));
}
