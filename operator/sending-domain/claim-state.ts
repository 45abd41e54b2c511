import { domainContractName, handOverName, keyHistoryName } from "../../contract/names.ts";
import { problem, type Problem } from "../reasons.ts";
import { publishingProblems } from "./dns-endpoint.ts";
import { holdAbsence, type Absence } from "./hold-loss.ts";
import type { KeyEntry } from "./key-history.ts";
import type { KeyCopy } from "./imports.ts";
import { isLiving, proves } from "./key-state.ts";
import { nextKeys, type Standing } from "./next-keys.ts";
import type { ObservedDomain } from "./observed.ts";
import { compareRecords, dkimName, type ReportedRecord } from "./report.ts";
import type { Visibility } from "./visibility.ts";

/** What a claim comes to, on the way to a plan. */
export interface ClaimState {
  /** Every selector that was ever allotted, with what is new. */
  readonly entries: readonly KeyEntry[];
  /** Keys whose records are to stand in the zone, in the order of allotment. */
  readonly reported: readonly KeyEntry[];
  /** Keys that are to be made. */
  readonly lacking: readonly KeyEntry[];
  /** The key that is to be imported. */
  readonly copy?: KeyCopy;
  /** Keys that sign, one an algorithm; none means that mail waits. */
  readonly signing: readonly KeyEntry[];
  readonly records: readonly ReportedRecord[];
  /** What is known of the records, by name, that must be visible for a while before their keys sign. */
  readonly waiting: ReadonlyMap<string, Visibility>;
  /** Whether DNS shows a key that was made for this very claim. */
  readonly shown: boolean;
  readonly standing: Standing;
  /** How long no server has shown a record of the claim, while it holds the domain. */
  readonly absence: Absence;
  /** The token of the last rotation that was acted on. */
  readonly handledRotation?: string;
  readonly problems: readonly Problem[];
}

/** Works out what a claim comes to: its keys, what DNS shows of them, which of them sign, and what stands in the way. */
export function claimState(observed: ObservedDomain, now: number): ClaimState {
  const standing = standingOf(observed);
  const next = nextKeys(observed, standing, now);
  const { entries, reported, signing, copy, handledRotation, world, problems } = next;
  const shown = entries.some((entry) => isLiving(entry) && proves(entry, world.visibility(entry)));
  const before = observed.history?.value?.absence;
  const waiting = reported.filter(
    (entry) => isLiving(entry) && (entry.activatedAt === undefined || entry.unseenAt !== undefined),
  );
  return {
    entries,
    reported,
    lacking: entries.filter((entry) => entry.key === undefined && entry.imported === undefined && isLiving(entry)),
    ...(copy && { copy }),
    signing: standing === "Taken" ? [] : signing,
    records: compareRecords(observed, reported),
    waiting: new Map(
      waiting.map((entry) => [dkimName(observed.claim.domain, entry.selector), world.visibility(entry)] as const),
    ),
    shown,
    standing,
    // What an imported key's record says of the domain's owner is nothing, so it keeps no hold either.
    absence:
      standing === "Held" ? holdAbsence(before, reported.filter(isMade), world.visibility, world) : { over: false },
    ...(handledRotation !== undefined && { handledRotation }),
    problems: [
      ...lengthProblems(observed, entries),
      ...problems,
      ...problemsOf(observed, standing, shown && observed.hold !== undefined),
    ],
  };
}

function isMade({ imported }: KeyEntry): boolean {
  return imported === undefined;
}

function standingOf({ hold, claim }: ObservedDomain): Standing {
  if (hold === undefined) return "Free";
  if (hold.value === undefined) return "Unreadable";
  const { namespace, name } = hold.value.claim;
  return namespace === claim.namespace && name === claim.name ? "Held" : "Taken";
}

function lengthProblems({ claim }: ObservedDomain, entries: readonly KeyEntry[]): readonly Problem[] {
  const long = entries.filter(isLiving).find(({ selector }) => dkimName(claim.domain, selector).length > 253);
  return long
    ? [problem("DomainTooLong", `No DKIM record can stand at ${long.selector}._domainkey of the domain.`)]
    : [];
}

function problemsOf(observed: ObservedDomain, standing: Standing, shown: boolean): readonly Problem[] {
  return [...holdProblems(observed, standing, shown), ...surroundingProblems(observed)];
}

/** What is wrong with the claim's own records and its hold. */
function holdProblems(observed: ObservedDomain, standing: Standing, shown: boolean): readonly Problem[] {
  const { claim, history, evidence, status } = observed;
  const problems: Problem[] = [];
  if (history !== undefined && history.value === undefined)
    problems.push(problem("HistoryUnreadable", `The key history ${keyHistoryName(claim)} cannot be read.`));
  if (standing === "Unreadable")
    problems.push(problem("ContractUnreadable", `The contract ${domainContractName(claim.domain)} cannot be read.`));
  const before = status?.conditions?.some(({ type, reason }) => type === "Stalled" && reason === "DomainTaken");
  if (standing === "Taken" && (shown || (evidence.names.size === 0 && before === true)))
    problems.push(problem("DomainTaken", "The domain is held by another SendingDomain."));
  return problems;
}

/** What is wrong around the claim: with its tenant, the tenant's plan, the ConfigMap beside it. */
function surroundingProblems(observed: ObservedDomain): readonly Problem[] {
  const { claim, spec, tenantExists, planWithoutOwnDomains: plan, handOver, publishing } = observed;
  const problems: Problem[] = [];
  if (!tenantExists)
    problems.push(problem("TenantNotFound", `The RelayTenant ${spec.tenantRef.name} is not in this namespace.`));
  if (plan !== undefined)
    problems.push(problem("OwnDomainsNotAllowed", `The plan ${plan} of the tenant has no own domains.`));
  if (handOver?.kind === "Foreign")
    problems.push(problem("ConfigMapNotOwned", `The ConfigMap ${handOverName(claim.name)} is not Posthouse's.`));
  if (publishing && spec.dns?.publish === "ExternalDNS") problems.push(...publishingProblems(claim, publishing));
  return problems;
}
