import type { ContractSmarthostCredential } from "../../contract/tenant-contract.ts";
import type { RelayTenantSpec } from "../../crds/relay-tenant.ts";
import type { Action } from "../action.ts";
import { info, type Note } from "../plan.ts";
import { problem, type Problem } from "../reasons.ts";
import { offerProblem } from "../secret-offer.ts";
import type { ObservedTenant } from "./observed.ts";
import type { ObservedSmarthosts } from "./smarthost-secret.ts";

/** What becomes of the credentials for a tenant's smarthosts. */
export interface SmarthostOutcome {
  /** What the contract says, by the name of the Secret that is referred to. */
  readonly credentials: ReadonlyMap<string, ContractSmarthostCredential>;
  /** To be carried out when the contract says so. */
  readonly actions: readonly Action[];
  readonly notes: readonly Note[];
  readonly problems: readonly Problem[];
}

const none: ObservedSmarthosts = { offers: new Map(), copies: [] };

type Part = Omit<SmarthostOutcome, "credentials"> & { readonly credential: ContractSmarthostCredential };

/** The Secrets that a tenant's smarthosts refer to, each once. */
export function referredSecrets({ delivery }: Pick<RelayTenantSpec, "delivery">): readonly string[] {
  const names = (delivery.smarthosts ?? []).flatMap(({ secretRef }) => secretRef?.name ?? []);
  return [...new Set(names)].toSorted();
}

/**
 * Decides on the credentials of each Secret that a smarthost refers to. The contract names the copy at once, and the old one
 * goes when the contract no longer names it: a relay that does not see the new one yet lets mail wait.
 */
export function planSmarthosts(observed: ObservedTenant): SmarthostOutcome {
  const seen = observed.smarthosts ?? none;
  const parts = referredSecrets(observed.spec).map((secret) => [secret, planSecret(observed, seen, secret)] as const);
  const named = new Set(
    parts.flatMap(([, { credential }]) => (credential.kind === "Secret" ? [credential.secretName] : [])),
  );
  return {
    credentials: new Map(parts.map(([secret, { credential }]) => [secret, credential])),
    actions: [...parts.flatMap(([, { actions }]) => actions), ...removals(observed.contractNamespace, seen, named)],
    notes: parts.flatMap(([, { notes }]) => notes),
    problems: parts.flatMap(([, { problems }]) => problems),
  };
}

function planSecret(observed: ObservedTenant, seen: ObservedSmarthosts, secret: string): Part {
  const { namespace, name: tenant, contractNamespace } = observed;
  const offer = seen.offers.get(secret) ?? { kind: "NotFound" as const };
  const missing = offerProblem(offer, { namespace, name: secret, use: "smarthost" });
  if (missing !== undefined || offer.kind !== "Offered") return withheld(missing ?? problem("SecretNotFound", ""));
  if ("unusable" in offer.value)
    return withheld(
      problem(
        "SmarthostSecretInvalid",
        `The Secret ${secret} for a smarthost cannot be used: ${offer.value.unusable}.`,
      ),
    );
  const { copyName } = offer.value;
  const standing = seen.copies.find(({ objectName }) => objectName === copyName);
  if (standing?.state === "Foreign")
    return withheld(
      problem(
        "SmarthostCopyNotOwned",
        `The Secret ${copyName} in the place of the copy of ${secret} is not Posthouse's.`,
      ),
    );
  const credential = { kind: "Secret" as const, secretName: copyName };
  // One that was altered is deleted first; the next plan copies anew.
  if (standing !== undefined) return { credential, actions: [], notes: [], problems: [] };
  const from = { namespace, tenant, secret };
  return {
    credential,
    actions: [{ kind: "copySmarthostSecret", namespace: contractNamespace, name: copyName, from }],
    notes: [info("SmarthostSecretCopied", `The credentials in the Secret ${secret} are handed to the relays.`)],
    problems: [],
  };
}

function withheld(because: Problem): Part {
  return { credential: { kind: "Withheld", reason: because.reason }, actions: [], notes: [], problems: [because] };
}

/** Deletes copies of the operator's that the contract does not name, and those that were altered. */
export function removals(
  contractNamespace: string,
  { copies }: Pick<ObservedSmarthosts, "copies">,
  named: ReadonlySet<string>,
): readonly Action[] {
  return copies
    .filter(({ objectName, state }) => state === "Altered" || (state === "Intact" && !named.has(objectName)))
    .map(({ objectName, uid, resourceVersion }) => ({
      kind: "delete",
      key: { kind: "Secret", namespace: contractNamespace, name: objectName },
      uid,
      resourceVersion,
    }));
}
