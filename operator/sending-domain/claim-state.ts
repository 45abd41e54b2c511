import { domainContractName, keyHistoryName } from "../../contract/names.ts";
import { problem, type Problem } from "../reasons.ts";
import { activationWait } from "./evidence.ts";
import { mergeKeys, type KeyEntry } from "./key-history.ts";
import type { ObservedDomain } from "./observed.ts";
import { compareRecords, dkimName, keyVisible, shownSince, type ReportedRecord } from "./report.ts";
import { allotSelectors, hasPrefix } from "./selectors.ts";

/** What a claim comes to, on the way to a plan. */
export interface ClaimState {
  /** Every selector that was ever allotted, with what is new. */
  readonly entries: readonly KeyEntry[];
  /** Keys that are in use or will be, in the order of allotment. */
  readonly live: readonly KeyEntry[];
  /** Keys that sign, one an algorithm; none means that mail waits. */
  readonly signing: readonly KeyEntry[];
  readonly records: readonly ReportedRecord[];
  /** Whether DNS shows a key that was made for this very claim. */
  readonly shown: boolean;
  readonly standing: "Free" | "Held" | "Taken" | "Unreadable";
  readonly problems: readonly Problem[];
}

/** As many keys as a status lists. */
const mostKeys = 16;

/** Works out what a claim comes to: its keys, what DNS shows of them, which of them sign, and what stands in the way. */
export function claimState(observed: ObservedDomain, now: number): ClaimState {
  const { spec, claim, evidence, hold } = observed;
  const known = mergeKeys(observed.history?.value?.keys ?? [], observed, now);
  const entries = activate(observed, [...known, ...allot(observed, known, now)], now);
  const live = entries
    .filter(({ algorithm, lostAt }) => lostAt === undefined && spec.dkim.algorithms.includes(algorithm))
    .slice(-mostKeys);
  const shown = live.some((entry) => keyVisible(entry, claim.domain, evidence) === true);
  const standing = standingOf(observed);
  return {
    entries,
    live,
    signing: standing === "Taken" ? [] : signingKeys(observed, live),
    records: compareRecords(observed, live),
    shown,
    standing,
    problems: [...lengthProblems(observed, live), ...problemsOf(observed, standing, shown && hold !== undefined)],
  };
}

/** New selectors for the algorithms of which no key of the prefix is alive. */
function allot(observed: ObservedDomain, known: readonly KeyEntry[], now: number): readonly KeyEntry[] {
  const { selectorPrefix, algorithms } = observed.spec.dkim;
  const lacking = algorithms.filter(
    (wanted) =>
      !known.some(
        ({ algorithm, selector, lostAt }) =>
          algorithm === wanted && lostAt === undefined && hasPrefix(selector, selectorPrefix),
      ),
  );
  const taken = [...known.map(({ selector }) => selector), ...observed.blocked];
  return allotSelectors(selectorPrefix, lacking, taken, now).map(({ selector, algorithm }) => ({
    selector,
    algorithm,
    allottedAt: now,
  }));
}

/** Marks the keys whose record DNS has shown for long enough, unless somebody else holds the domain. */
function activate(observed: ObservedDomain, entries: readonly KeyEntry[], now: number): readonly KeyEntry[] {
  const { claim, evidence, settings } = observed;
  const standing = standingOf(observed);
  if (standing === "Taken" || standing === "Unreadable") return entries;
  return entries.map((entry) => {
    if (entry.activatedAt !== undefined || entry.lostAt !== undefined) return entry;
    const shown = shownSince(entry, claim.domain, evidence);
    if (shown === undefined) return entry;
    const wait = activationWait(shown, evidence, settings.timing.activationDelay);
    return shown.confirmedAt - shown.since >= wait ? { ...entry, activatedAt: now } : entry;
  });
}

/**
 * The newest Active key of each algorithm whose record is to be seen. While checks are undecided, after one miss or a
 * restart, what the contract says goes on. Nothing signs without an RSA2048 key among them: some receivers know no other,
 * and to them mail that an Ed25519 key alone has signed is unsigned.
 */
function signingKeys(observed: ObservedDomain, live: readonly KeyEntry[]): readonly KeyEntry[] {
  const active = live.filter(({ activatedAt, key }) => activatedAt !== undefined && key !== undefined);
  const visible = active.filter((entry) => {
    const held = observed.hold?.value?.keys.some(({ selector }) => selector === entry.selector) ?? true;
    return keyVisible(entry, observed.claim.domain, observed.evidence) ?? held;
  });
  if (!visible.some(({ algorithm }) => algorithm === "RSA2048")) return [];
  return observed.spec.dkim.algorithms
    .toSorted()
    .toReversed()
    .flatMap((algorithm) => visible.findLast((entry) => entry.algorithm === algorithm) ?? []);
}

function standingOf({ hold, claim }: ObservedDomain): ClaimState["standing"] {
  if (hold === undefined) return "Free";
  if (hold.value === undefined) return "Unreadable";
  const { namespace, name } = hold.value.claim;
  return namespace === claim.namespace && name === claim.name ? "Held" : "Taken";
}

function lengthProblems({ claim }: ObservedDomain, live: readonly KeyEntry[]): readonly Problem[] {
  const long = live.find(({ selector }) => dkimName(claim.domain, selector).length > 253);
  return long
    ? [problem("DomainTooLong", `No DKIM record can stand at ${long.selector}._domainkey of the domain.`)]
    : [];
}

function problemsOf(observed: ObservedDomain, standing: ClaimState["standing"], shown: boolean): readonly Problem[] {
  const { claim, history, spec, evidence, status } = observed;
  const problems: Problem[] = [];
  if (history !== undefined && history.value === undefined)
    problems.push(problem("HistoryUnreadable", `The key history ${keyHistoryName(claim)} cannot be read.`));
  if (standing === "Unreadable")
    problems.push(problem("ContractUnreadable", `The contract ${domainContractName(claim.domain)} cannot be read.`));
  const before = status?.conditions?.some(({ type, reason }) => type === "Stalled" && reason === "DomainTaken");
  if (standing === "Taken" && (shown || (evidence.names.size === 0 && before === true)))
    problems.push(problem("DomainTaken", "The domain is held by another SendingDomain."));
  if (!observed.tenantExists)
    problems.push(problem("TenantNotFound", `The RelayTenant ${spec.tenantRef.name} is not in this namespace.`));
  return problems;
}
