import { credentialRecordName } from "../../contract/names.ts";
import type { ContractCredential } from "../../contract/tenant-contract.ts";
import type { Action, CredentialTarget } from "../action.ts";
import type { Note } from "../plan.ts";
import { problem, type Problem } from "../reasons.ts";
import { credentialText, type ObservedSecret } from "./application-secret.ts";
import { keyLife, works, type KeyLife } from "./key-life.ts";
import type { ObservedTenant, StoredRecord } from "./observed.ts";
import { parseRotateNow, rotationOf, type RotateNow, type Rotation } from "./rotation.ts";

/** A key of a credential, and how long it works. */
export interface LivingKey {
  readonly record: StoredRecord;
  readonly life: KeyLife;
}

/** What becomes of one credential of the spec. */
export interface CredentialOutcome {
  readonly target: CredentialTarget;
  /** The key that the application Secret holds, if it is as it should be. */
  readonly current?: StoredRecord;
  /** All keys on record, oldest first. */
  readonly keys: readonly LivingKey[];
  /** The keys that the relay accepts. */
  readonly accepted: readonly ContractCredential[];
  readonly actions: readonly Action[];
  readonly notes: readonly Note[];
  readonly problem?: Problem;
  /** When time alone calls for another key. */
  readonly rotatesAt?: number;
}

/** A credential of the spec. */
interface Wanted {
  readonly target: CredentialTarget;
  readonly allowedSources: readonly string[];
  readonly rotation: Rotation;
}

/** Decides on every credential of the spec, by environment and name. */
export function planCredentials(observed: ObservedTenant, now: number): readonly CredentialOutcome[] {
  const revoked = new Set(observed.spec.revokedKeyIds);
  const keysUsed = observed.usage.kind === "Known" ? (observed.usage.keysUsed ?? {}) : undefined;
  const { tokens } = rotateNow(observed);
  const taken = new Set<string>();
  return credentialsOf(observed).map((wanted) => {
    const { target, allowedSources, rotation } = wanted;
    const shared = taken.has(target.secretName);
    taken.add(target.secretName);
    const records = recordsOf(observed, target);
    const facts = { rotation, revoked, keysUsed };
    const keys = records.map((record) => ({ record, life: keyLife(record, records, facts) }));
    const accepted = keys.filter(({ life }) => works(life, now)).map((key) => contractKey(key, allowedSources));
    const decision = shared
      ? sharedName(target)
      : decide(observed, { target, rotation, keys, token: tokens.get(credentialText(target)) }, now);
    return Object.assign({ target, keys, accepted }, decision);
  });
}

/** What the annotation of a tenant asks for. */
export function rotateNow(observed: ObservedTenant): RotateNow {
  return parseRotateNow(observed.rotate, new Set(targetsOf(observed).map(credentialText)));
}

/** The credentials of the spec, by environment and name. */
export function targetsOf(observed: ObservedTenant): readonly CredentialTarget[] {
  return credentialsOf(observed).map(({ target }) => target);
}

function credentialsOf(observed: ObservedTenant): readonly Wanted[] {
  const { namespace, name: tenant } = observed;
  return observed.spec.environments
    .flatMap(({ name: environment, credentials }) =>
      credentials.map(({ name: credential, secretName, allowedSources = [], rotation }) => ({
        target: { credential: { namespace, tenant, environment, credential }, secretName },
        allowedSources: allowedSources.toSorted(),
        rotation: rotationOf(rotation),
      })),
    )
    .toSorted((a, b) => (credentialText(a.target) < credentialText(b.target) ? -1 : 1));
}

/** The records of a credential, oldest first. */
function recordsOf(observed: ObservedTenant, { credential }: CredentialTarget): readonly StoredRecord[] {
  return observed.records
    .filter(
      (record) =>
        record.credential.environment === credential.environment &&
        record.credential.credential === credential.credential,
    )
    .toSorted((a, b) => a.serial - b.serial);
}

type Decision = Pick<CredentialOutcome, "actions" | "notes" | "current" | "problem" | "rotatesAt">;

interface Standing {
  readonly target: CredentialTarget;
  readonly rotation: Rotation;
  readonly keys: readonly LivingKey[];
  /** The token of the annotation for this credential. */
  readonly token: string | undefined;
}

function sharedName(target: CredentialTarget): Decision {
  const found = `The Secret ${target.secretName} is named by another credential before ${credentialText(target)}.`;
  return { actions: [], notes: [], problem: problem("SecretNameShared", found) };
}

function decide(observed: ObservedTenant, standing: Standing, now: number): Decision {
  const { target, keys, rotation } = standing;
  const secret = observed.secrets.get(target.secretName);
  const newest = keys.at(-1)?.record;
  if (secret !== undefined && !secret.owned) {
    const found = `The Secret ${target.secretName} for ${credentialText(target)} exists and is not Posthouse's.`;
    return { actions: [], notes: [], problem: problem("SecretNotOwned", found) };
  }
  const why = whyIssue(standing, secret, now);
  if (why !== undefined || newest === undefined) return issue(observed, standing, secret, why ?? "is new");
  const rotatesAt = rotation.every === undefined ? {} : { rotatesAt: newest.issuedAt + rotation.every };
  const asIs = { current: newest, notes: [], ...rotatesAt };
  if (secret === undefined || (secret.upToDate && secret.credential === credentialText(target)))
    return { ...asIs, actions: [] };
  return { ...asIs, actions: [{ kind: "refreshCredential", target, resourceVersion: secret.resourceVersion }] };
}

/**
 * Why a credential needs a new key, if it does. A Secret that is gone or altered holds a key of unknown fate; what a
 * user asked for comes before what time asks for, though one key answers both.
 */
function whyIssue(
  { keys, token, rotation }: Standing,
  secret: ObservedSecret | undefined,
  now: number,
): string | undefined {
  const newest = keys.at(-1);
  if (newest === undefined) return "is new";
  const { record, life } = newest;
  if (secret === undefined || secret.sha256 !== record.sha256) return "had its Secret deleted or altered";
  if (life.kind === "Until") return "had its key revoked";
  if (token !== undefined && token !== record.rotation) return "is to be rotated now";
  return rotation.every !== undefined && record.issuedAt + rotation.every <= now ? "is due for rotation" : undefined;
}

/** Issues another key; the old ones live on as {@link keyLife} says. */
function issue(
  observed: ObservedTenant,
  { target, keys, token }: Standing,
  secret: ObservedSecret | undefined,
  why: string,
): Decision {
  const newest = keys.at(-1)?.record;
  const rotation = token ?? newest?.rotation;
  const action: Action = {
    kind: "issueCredential",
    namespace: observed.contractNamespace,
    target,
    serial: freeSerial(observed, target, newest?.serial ?? 0),
    ...(secret && { replaces: secret.resourceVersion }),
    ...(rotation !== undefined && { rotation }),
  };
  const message = `The credential ${credentialText(target)} ${why}: a key is issued to the Secret ${target.secretName}.`;
  return { actions: [action], notes: [{ level: "info", reason: "CredentialIssued", message }] };
}

/** The next serial at whose name nothing stands: what is not a record of this credential is gone around. */
function freeSerial({ takenRecords }: ObservedTenant, { credential }: CredentialTarget, last: number): number {
  let serial = last + 1;
  while (takenRecords?.has(credentialRecordName(credential, serial))) serial += 1;
  return serial;
}

function contractKey({ record, life }: LivingKey, allowedSources: readonly string[]): ContractCredential {
  const { id, sha256, credential } = record;
  const end = life.kind === "Until" ? { notAfter: life.at } : {};
  return { id, name: credential.credential, sha256, allowedSources: [...allowedSources], ...end };
}
