import type { ContractCredential } from "../../contract/tenant-contract.ts";
import type { Action, CredentialTarget } from "../action.ts";
import type { Note } from "../plan.ts";
import { problem, type Problem } from "../reasons.ts";
import { credentialText, type ObservedSecret } from "./application-secret.ts";
import type { ObservedTenant, StoredRecord } from "./observed.ts";

/** How long a key goes on working after another took its place. */
export const overlap = 24 * 3_600_000;

/** As many keys of one credential work at once: whoever deletes its Secret again and again ends the oldest. */
const mostKeys = 5;

/** What becomes of one credential of the spec. */
export interface CredentialOutcome {
  readonly target: CredentialTarget;
  /** The key that the application Secret holds, if it is as it should be. */
  readonly current?: StoredRecord;
  /** The keys that the relay accepts. */
  readonly accepted: readonly ContractCredential[];
  readonly actions: readonly Action[];
  readonly notes: readonly Note[];
  readonly problem?: Problem;
}

/** Decides on every credential of the spec, by environment and name. */
export function planCredentials(observed: ObservedTenant, now: number): readonly CredentialOutcome[] {
  const taken = new Set<string>();
  return targetsOf(observed).map(({ target, allowedSources }) => {
    const shared = taken.has(target.secretName);
    taken.add(target.secretName);
    const records = recordsOf(observed, target);
    const accepted = acceptedKeys(records, target, allowedSources, now);
    return Object.assign({ target, accepted }, shared ? sharedName(target) : decide(observed, target, records));
  });
}

/** The credentials of the spec, by environment and name. */
export function targetsOf(
  observed: ObservedTenant,
): readonly { readonly target: CredentialTarget; readonly allowedSources: readonly string[] }[] {
  const { namespace, name: tenant } = observed;
  return observed.spec.environments
    .flatMap(({ name: environment, credentials }) =>
      credentials.map(({ name: credential, secretName, allowedSources = [] }) => ({
        target: { credential: { namespace, tenant, environment, credential }, secretName },
        allowedSources: allowedSources.toSorted(),
      })),
    )
    .toSorted((a, b) => (credentialText(a.target) < credentialText(b.target) ? -1 : 1));
}

/** When a record's key stops working: never for the newest, an overlap after its successor was issued for the others. */
export function endOf(record: StoredRecord, records: readonly StoredRecord[]): number | undefined {
  const later = records.filter(({ serial }) => serial > record.serial);
  if (later.length >= mostKeys) return 0;
  const successor = later.toSorted((a, b) => a.serial - b.serial)[0];
  return successor && successor.issuedAt + overlap;
}

/** The records of a credential, oldest first. */
export function recordsOf(observed: ObservedTenant, { credential }: CredentialTarget): readonly StoredRecord[] {
  return observed.records
    .filter(
      (record) =>
        record.credential.environment === credential.environment &&
        record.credential.credential === credential.credential,
    )
    .toSorted((a, b) => a.serial - b.serial);
}

type Decision = Pick<CredentialOutcome, "actions" | "notes" | "current" | "problem">;

function sharedName(target: CredentialTarget): Decision {
  const found = `The Secret ${target.secretName} is named by another credential before ${credentialText(target)}.`;
  return { actions: [], notes: [], problem: problem("SecretNameShared", found) };
}

function decide(observed: ObservedTenant, target: CredentialTarget, records: readonly StoredRecord[]): Decision {
  const secret = observed.secrets.get(target.secretName);
  const newest = records.at(-1);
  if (secret !== undefined && !secret.owned) {
    const found = `The Secret ${target.secretName} for ${credentialText(target)} exists and is not Posthouse's.`;
    return { actions: [], notes: [], problem: problem("SecretNotOwned", found) };
  }
  if (secret === undefined || newest === undefined || secret.sha256 !== newest.sha256)
    return issue(observed, target, newest, secret);
  if (secret.upToDate && secret.credential === credentialText(target))
    return { current: newest, actions: [], notes: [] };
  const { resourceVersion } = secret;
  return { current: newest, actions: [{ kind: "refreshCredential", target, resourceVersion }], notes: [] };
}

/** A Secret that is gone or altered holds a key of unknown fate: another is issued, and the old one works for the overlap. */
function issue(
  observed: ObservedTenant,
  target: CredentialTarget,
  newest: StoredRecord | undefined,
  secret: ObservedSecret | undefined,
): Decision {
  const action: Action = {
    kind: "issueCredential",
    namespace: observed.contractNamespace,
    target,
    serial: (newest?.serial ?? 0) + 1,
    ...(secret && { replaces: secret.resourceVersion }),
  };
  const why = newest === undefined ? "is new" : "had its Secret deleted or altered";
  const message = `The credential ${credentialText(target)} ${why}: a key is issued to the Secret ${target.secretName}.`;
  return { actions: [action], notes: [{ level: "info", reason: "CredentialIssued", message }] };
}

function acceptedKeys(
  records: readonly StoredRecord[],
  { credential }: CredentialTarget,
  allowedSources: readonly string[],
  now: number,
): readonly ContractCredential[] {
  return records.flatMap((record) => {
    const notAfter = endOf(record, records);
    if (notAfter !== undefined && notAfter <= now) return [];
    const { id, sha256 } = record;
    const end = notAfter === undefined ? {} : { notAfter };
    return [{ id, name: credential.credential, sha256, allowedSources: [...allowedSources], ...end }];
  });
}
