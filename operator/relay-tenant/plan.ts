import { encodeTenantContract } from "../../contract/codec.ts";
import { contractDataKey, tenantContractName } from "../../contract/names.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import type { RelayTenantStatus } from "../../crds/relay-tenant.ts";
import type { Action } from "../action.ts";
import { tenantContractSecret } from "../own-objects.ts";
import type { Plan } from "../plan.ts";
import { problem, type Problem } from "../reasons.ts";
import { allowanceOf, allowanceProblems } from "./allowance.ts";
import { contractThatFits } from "./contract.ts";
import { planCredentials, rotateNow, targetsOf, type CredentialOutcome, type LivingKey } from "./credentials.ts";
import { creditNotes, reportCredits } from "./credit-report.ts";
import { works } from "./key-life.ts";
import { rateProblems } from "./rates.ts";
import { sharedProblems } from "./shared-domain.ts";
import type { ObservedGoneTenant, ObservedTenant, StoredRecord } from "./observed.ts";
import { keptKeys, keptNotes } from "./old-keys.ts";
import { planSmarthosts, removals } from "./smarthosts.ts";
import { tenantStatus } from "./status.ts";

/** What to do about a RelayTenant. Pure and total; the same world and time give the same plan. */
export function planTenant(observed: ObservedTenant, now: number): Plan<RelayTenantStatus> {
  const { spec } = observed;
  const refused = [
    ...allowanceProblems(spec.allowance, observed.plan, observed.namespace, now),
    ...sharedProblems(observed, observed.plan, observed.sharedDomain),
    ...placeProblems(observed),
  ];
  const outcomes = planCredentials(observed, now);
  const smarthosts = planSmarthosts(observed);
  const { contract, problems: excess } = contractThatFits(observed, refused, { outcomes, smarthosts });
  const problems = [
    ...refused,
    ...excess,
    ...rateProblems(spec, observed.plan),
    ...outcomes.flatMap((outcome) => outcome.problem ?? []),
    ...rotateNow(observed).problems,
    ...smarthosts.problems,
  ];
  const allowance = allowanceOf(spec.allowance);
  const credits = reportCredits(allowance, observed.usage, observed.status?.credits, now);
  const issued = outcomes.flatMap(({ actions }) => actions);
  const recheckAfter = Math.min(credits.changesAt ?? Number.POSITIVE_INFINITY, ...changesOf(outcomes, now)) - now;
  return {
    // The contract goes first: what it no longer holds is refused before anything else is done.
    actions: [
      ...contractChange(observed, contract),
      ...smarthosts.actions,
      ...issued,
      ...cleanUp(observed, outcomes, now),
    ],
    status: tenantStatus(observed, { sending: contract.sending, outcomes, problems, credits }, now),
    notes: [...outcomes.flatMap(({ notes }) => notes), ...smarthosts.notes],
    statusNotes: [
      ...creditNotes(observed.status?.credits, credits.status),
      ...keptNotes(observed.status?.conditions ?? [], keptKeys(outcomes, now)),
    ],
    ...(Number.isFinite(recheckAfter) && { recheckAfter }),
  };
}

/**
 * What to do about a tenant whose RelayTenant is gone: its contract goes, so that mail is refused, and the copies of its
 * credentials for smarthosts; keys and records stay.
 */
export function planGoneTenant(observed: ObservedGoneTenant): Plan<never> {
  const { contractNamespace, namespace, name, contract, copies = [] } = observed;
  const copiesGone = removals(contractNamespace, { copies }, new Set());
  if (contract === undefined) return { actions: copiesGone, notes: [] };
  const key = { kind: "Secret" as const, namespace: contractNamespace, name: tenantContractName(namespace, name) };
  const message = "The RelayTenant is gone: its mail is refused, its credentials are kept.";
  return {
    actions: [{ kind: "delete", key, ...contract }, ...copiesGone],
    notes: [{ level: "info", reason: "TenantGone", message }],
  };
}

/** What stands where the contract should: no relay reads it as one, so mail is refused. */
function placeProblems({ namespace, name, contractTaken }: ObservedTenant): readonly Problem[] {
  if (!contractTaken) return [];
  const place = tenantContractName(namespace, name);
  return [problem("ContractNotOwned", `The Secret ${place} in the place of the contract is not Posthouse's.`)];
}

/** Created if there is none, else changed only as it was seen: another operator's newer contract is never overwritten unread. */
function contractChange(observed: ObservedTenant, contract: TenantContract): readonly Action[] {
  const { contractNamespace, contractVersion, contractTaken } = observed;
  if (contractTaken) return [];
  if (observed.contract?.[contractDataKey] === encodeTenantContract(contract)[contractDataKey]) return [];
  const object = tenantContractSecret(contractNamespace, contract, contractVersion);
  return [{ kind: contractVersion === undefined ? "create" : "apply", object }];
}

/**
 * Deletes records whose key works no more: superseded ones after the overlap, and all of a credential that the spec no
 * longer has, so that a name that comes back does not bring old keys back. Their Secret goes too, if it holds no other key.
 */
function cleanUp(observed: ObservedTenant, outcomes: readonly CredentialOutcome[], now: number): readonly Action[] {
  const kept = new Set(targetsOf(observed).map(({ secretName }) => secretName));
  const needed = new Set(outcomes.flatMap(({ keys }) => neededRecords(keys, observed.spec.revokedKeyIds, now)));
  const ended = observed.records
    .filter((record) => !needed.has(record))
    .toSorted((a, b) => (a.objectName < b.objectName ? -1 : 1));
  return ended.flatMap((record): readonly Action[] => {
    const { objectName, uid, resourceVersion, secretName, sha256 } = record;
    const secret = observed.secrets.get(secretName);
    const holder = secret?.owned === true && secret.sha256 === sha256 && !kept.has(secretName) ? secret : undefined;
    const namespace = observed.contractNamespace;
    const place = { kind: "Secret" as const, namespace, name: objectName };
    const recordGone: Action = { kind: "delete", key: place, uid, resourceVersion };
    if (holder === undefined) return [recordGone];
    const key = { kind: "Secret" as const, namespace: observed.namespace, name: secretName };
    return [{ kind: "delete", key, uid: holder.uid, resourceVersion: holder.resourceVersion }, recordGone];
  });
}

/**
 * The records of keys that work; the newest, which tells which rotation was last acted on and the next serial; and a revoked
 * one that came after a key that works: it tells since when that has its overlap, and without it another would begin.
 */
function neededRecords(
  keys: readonly LivingKey[],
  revokedKeyIds: readonly string[],
  now: number,
): readonly StoredRecord[] {
  const isNeeded = ({ record, life }: LivingKey, index: number): boolean => {
    const before = keys[index - 1];
    const endsAnother = before !== undefined && works(before.life, now) && revokedKeyIds.includes(record.id);
    return works(life, now) || index === keys.length - 1 || endsAnother;
  };
  return keys.filter(isNeeded).map(({ record }) => record);
}

/** When time alone changes what becomes of the credentials. */
function changesOf(outcomes: readonly CredentialOutcome[], now: number): readonly number[] {
  const times = outcomes.flatMap(({ keys, rotatesAt = 0 }) => [
    rotatesAt,
    ...keys.flatMap(({ life }) => (life.kind === "Newest" ? [] : [life.overlapEnds])),
    ...keys.flatMap(({ life }) => (life.kind === "Until" ? [life.at] : [])),
  ]);
  return times.filter((time) => time > now);
}
