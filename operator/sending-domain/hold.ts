import type { DomainContract } from "../../contract/domain-contract.ts";
import { domainContractName, keySecretName } from "../../contract/names.ts";
import type { Action } from "../action.ts";
import { domainContractSecret } from "../own-objects.ts";
import { info, warn, type Note } from "../plan.ts";
import type { ClaimState } from "./claim-state.ts";
import type { KeyEntry } from "./key-history.ts";
import { isLiving } from "./key-state.ts";
import type { ObservedDomain, Stored } from "./observed.ts";

/** Actions, and what to say of them. */
export interface Changes {
  readonly actions: readonly Action[];
  readonly notes: readonly Note[];
}

/** What a hold depends on beside the state of its claim. */
export interface HoldSources extends Pick<ObservedDomain, "claim" | "hold" | "settings" | "planWithoutOwnDomains"> {
  readonly spec: Pick<ObservedDomain["spec"], "tenantRef">;
}

type HoldState = Pick<ClaimState, "standing" | "shown" | "absence" | "signing">;

const nothing: Changes = { actions: [], notes: [] };

/** Deletes holds, as far as they say themselves that they are of this SendingDomain. */
export function release(
  holds: readonly Stored<DomainContract>[],
  namespace: string,
  owner: { readonly namespace: string; readonly name: string },
): readonly Action[] {
  return holds.flatMap(({ value, uid, resourceVersion }): readonly Action[] => {
    if (value?.claim.namespace !== owner.namespace || value.claim.name !== owner.name) return [];
    const name = domainContractName(value.domain);
    return [{ kind: "delete", key: { kind: "Secret", namespace, name }, uid, resourceVersion }];
  });
}

/**
 * The hold: created when a key of this claim is first seen, changed by its own claim alone, and given up when no server
 * has shown a record of the claim for too long.
 */
export function holdChange(observed: HoldSources, state: HoldState, now: number): Changes {
  const { claim, hold, settings } = observed;
  if (state.standing === "Taken" || state.standing === "Unreadable") return nothing;
  // Nobody is kept from a domain by a claim that may not be used.
  const mayHold = state.shown && observed.planWithoutOwnDomains === undefined;
  if (hold === undefined) return mayHold ? takeHold(observed, state, now) : nothing;
  if (!state.absence.over) return changeHold(hold, observed, state, now);
  const message = `No server has shown a record of this claim for 72 h: it holds ${claim.domain} no more.`;
  return {
    actions: release([hold], settings.contractNamespace, claim),
    notes: [warn("HoldLost", message)],
  };
}

/**
 * What becomes of a hold while nobody can tell what became of its keys before: it may lose those whose records are gone or
 * that are revoked, and nothing else. `entries` are what the keys themselves tell.
 */
export function narrowHold(observed: HoldSources, entries: readonly KeyEntry[], now: number): Changes {
  const { claim, hold } = observed;
  if (hold?.value?.claim.namespace !== claim.namespace || hold.value.claim.name !== claim.name) return nothing;
  const able = new Map(entries.filter(mayGoOn).map((entry) => [entry.selector, entry]));
  const left = hold.value.keys.flatMap(({ selector }) => able.get(selector) ?? []);
  const signing = left.some(({ algorithm }) => algorithm === "RSA2048") ? left : [];
  return changeHold(hold, observed, { signing }, now);
}

function mayGoOn(entry: KeyEntry): boolean {
  return isLiving(entry) && entry.activatedAt !== undefined && entry.unseenAt === undefined;
}

function takeHold(observed: HoldSources, state: HoldState, now: number): Changes {
  const { claim, settings } = observed;
  const contract = contractOf(observed, state, now);
  return {
    actions: [{ kind: "create", object: domainContractSecret(settings.contractNamespace, contract) }],
    notes: [info("OwnershipProven", `DNS shows a key of this claim: it holds ${claim.domain} now.`)],
  };
}

function changeHold(
  hold: Stored<DomainContract>,
  observed: HoldSources,
  state: Pick<HoldState, "signing">,
  now: number,
): Changes {
  const { contractNamespace } = observed.settings;
  const contract = contractOf(observed, state, hold.value?.provenAt ?? now);
  if (JSON.stringify(hold.value) === JSON.stringify(contract)) return nothing;
  const selectors = contract.keys.map(({ selector }) => selector).join(", ");
  return {
    actions: [{ kind: "apply", object: domainContractSecret(contractNamespace, contract, hold.resourceVersion) }],
    notes: [
      selectors
        ? info("SigningKeysChanged", `Mail is signed with ${selectors}.`)
        : warn("SigningKeysChanged", "DNS shows no Active RSA2048 key of the domain: mail waits."),
    ],
  };
}

function contractOf({ claim, spec }: HoldSources, state: Pick<HoldState, "signing">, provenAt: number): DomainContract {
  return {
    version: 1,
    domain: claim.domain,
    claim: { namespace: claim.namespace, name: claim.name },
    tenant: spec.tenantRef.name,
    keys: state.signing.map(({ selector, algorithm }) => ({
      selector,
      algorithm,
      secretName: keySecretName(claim, selector),
    })),
    provenAt,
  };
}
