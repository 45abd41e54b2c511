import type { DomainContract } from "../../contract/domain-contract.ts";
import { domainContractName, keySecretName } from "../../contract/names.ts";
import type { SendingDomainStatus } from "../../crds/sending-domain.ts";
import type { Action } from "../action.ts";
import { domainContractSecret, keyHistoryObject } from "../own-objects.ts";
import type { Note, Plan } from "../plan.ts";
import { claimState, type ClaimState } from "./claim-state.ts";
import { encodeKeyHistory, type KeyHistory } from "./key-history.ts";
import { nextCheck, type DnsQuestions } from "./next-check.ts";
import type { ObservedDomain, ObservedGoneDomain, Stored } from "./observed.ts";
import { domainStatus } from "./status.ts";

/** What to do about a SendingDomain, and what to ask the DNS for it. */
export interface DomainPlan extends Plan<SendingDomainStatus> {
  readonly dns: DnsQuestions;
}

/** What to do about a SendingDomain. Pure and total; the same world and time give the same plan. */
export function planDomain(observed: ObservedDomain, now: number): DomainPlan {
  const state = claimState(observed, now);
  const changes = changesOf(observed, state, now);
  const { formerHolds, settings, claim } = observed;
  return {
    // First, so that nobody sends as a domain that this object was about before it was deleted and made anew.
    actions: [...release(formerHolds, settings.contractNamespace, claim), ...changes.actions],
    status: domainStatus(observed, state, now),
    notes: changes.notes,
    dns: nextCheck(observed, state.records, state.live, now),
  };
}

/**
 * What to do about a claim whose SendingDomain is gone: its hold goes, so that nobody sends as the domain any more, and
 * its keys and their history stay, so that the same claim made again proves itself with the record that still stands.
 */
export function planGoneDomain(observed: ObservedGoneDomain): Plan<never> {
  const actions = release(observed.holds, observed.contractNamespace, observed);
  const message = "The SendingDomain is gone: its domain is released, its keys are kept.";
  return { actions, notes: actions.length > 0 ? [{ level: "info", reason: "DomainReleased", message }] : [] };
}

/** Deletes holds, as far as they say themselves that they are of this SendingDomain. */
function release(
  holds: readonly Stored<DomainContract>[],
  namespace: string,
  owner: { readonly namespace: string; readonly name: string },
): readonly Action[] {
  return holds.flatMap(({ value, uid }): readonly Action[] => {
    if (value?.claim.namespace !== owner.namespace || value.claim.name !== owner.name) return [];
    const name = domainContractName(value.domain);
    return [{ kind: "delete", key: { kind: "Secret", namespace, name }, uid }];
  });
}

interface Changes {
  readonly actions: readonly Action[];
  readonly notes: readonly Note[];
}

function changesOf(observed: ObservedDomain, state: ClaimState, now: number): Changes {
  if (observed.history !== undefined && observed.history.value === undefined) return { actions: [], notes: [] };
  const parts = [historyChange(observed, state), ...keyChanges(observed, state), holdChange(observed, state, now)];
  return { actions: parts.flatMap(({ actions }) => actions), notes: parts.flatMap(({ notes }) => notes) };
}

/** The history goes first: a selector is remembered before its key exists, and a key is Active there before it signs. */
function historyChange(observed: ObservedDomain, state: ClaimState): Changes {
  const { claim, history, settings } = observed;
  const wanted: KeyHistory = { version: 1, claim, keys: [...state.entries] };
  const data = encodeKeyHistory(wanted);
  if (history?.value !== undefined && encodeKeyHistory(history.value)["history"] === data["history"])
    return { actions: [], notes: [] };
  const object = keyHistoryObject(settings.contractNamespace, claim, data, history?.resourceVersion);
  const before = new Map((history?.value?.keys ?? []).map((entry) => [entry.selector, entry]));
  const notes = state.entries.flatMap((entry): readonly Note[] => {
    const old = before.get(entry.selector);
    if (entry.lostAt !== undefined && old?.lostAt === undefined)
      return [
        note("warn", "KeyLost", `The private key of selector ${entry.selector} is gone; another takes its place.`),
      ];
    if (entry.activatedAt !== undefined && old?.activatedAt === undefined)
      return [note("info", "KeyActivated", `Selector ${entry.selector} is Active.`)];
    return [];
  });
  return { actions: [{ kind: history ? "apply" : "create", object }], notes };
}

function keyChanges(observed: ObservedDomain, state: ClaimState): readonly Changes[] {
  const { claim, settings } = observed;
  return state.live
    .filter(({ key }) => key === undefined)
    .map(({ selector, algorithm }) => ({
      actions: [{ kind: "createKey", namespace: settings.contractNamespace, claim, selector, algorithm }],
      notes: [note("info", "KeyAllotted", `Selector ${selector} is allotted to a new ${algorithm} key.`)],
    }));
}

/** The hold: created when a key of this claim is first seen, and changed by its own claim alone. */
function holdChange(observed: ObservedDomain, state: ClaimState, now: number): Changes {
  const { claim, hold, settings, spec } = observed;
  if (state.standing === "Taken" || state.standing === "Unreadable") return { actions: [], notes: [] };
  if (state.standing === "Free" && !state.shown) return { actions: [], notes: [] };
  const contract: DomainContract = {
    version: 1,
    domain: claim.domain,
    claim: { namespace: claim.namespace, name: claim.name },
    tenant: spec.tenantRef.name,
    keys: state.signing.map(({ selector, algorithm }) => ({
      selector,
      algorithm,
      secretName: keySecretName(claim, selector),
    })),
    provenAt: hold?.value?.provenAt ?? now,
  };
  if (hold === undefined)
    return {
      actions: [{ kind: "create", object: domainContractSecret(settings.contractNamespace, contract) }],
      notes: [note("info", "OwnershipProven", `DNS shows a key of this claim: it holds ${claim.domain} now.`)],
    };
  if (JSON.stringify(hold.value) === JSON.stringify(contract)) return { actions: [], notes: [] };
  const selectors = contract.keys.map(({ selector }) => selector).join(", ");
  const message = selectors
    ? `Mail is signed with ${selectors}.`
    : "DNS shows no Active RSA2048 key of the domain: mail waits.";
  return {
    actions: [
      { kind: "apply", object: domainContractSecret(settings.contractNamespace, contract, hold.resourceVersion) },
    ],
    notes: [note(selectors ? "info" : "warn", "SigningKeysChanged", message)],
  };
}

function note(level: Note["level"], reason: string, message: string): Note {
  return { level, reason, message };
}
