import type { DnsTiming } from "../config.ts";
import { activationWait, type NameEvidence } from "./evidence.ts";
import type { KeyEntry } from "./key-history.ts";
import type { ObservedDomain } from "./observed.ts";
import { dkimName, shownSince, type ReportedRecord } from "./report.ts";

/** What to ask the DNS for a claim, and when. */
export interface DnsQuestions {
  /** Names whose TXT records are wanted, sorted. */
  readonly names: readonly string[];
  /** The domain, whose SOA tells how long caches hold that nothing is there. */
  readonly zone: string;
  /** When to ask next; what lies in the past means now. */
  readonly checkAt: number;
}

/** When the records of a claim are to be checked next: as soon as any one of them is due. */
export function nextCheck(
  observed: ObservedDomain,
  records: readonly ReportedRecord[],
  entries: readonly KeyEntry[],
  now: number,
): DnsQuestions {
  const { evidence, settings, claim } = observed;
  const pending = new Map(
    entries
      .filter(({ activatedAt }) => activatedAt === undefined)
      .map((entry) => [dkimName(claim.domain, entry.selector), entry]),
  );
  const due = records.map(({ fqdn, verdict }) => {
    const name = evidence.names.get(fqdn);
    if (name === undefined) return now;
    // After a jump back of the clock the last check lies in the future; nobody waits for that to come again.
    const checkedAt = Math.min(name.checkedAt, now);
    const ordinary = checkedAt + pause(name, verdict === "Valid", settings.timing);
    const entry = pending.get(fqdn);
    const shown = entry && shownSince(entry, claim.domain, evidence);
    if (shown === undefined) return ordinary;
    const activation = shown.since + activationWait(shown, evidence, settings.timing.activationDelay);
    const soon = checkedAt + pause(name, false, settings.timing);
    return activation > checkedAt ? Math.min(activation, soon) : soon;
  });
  const names = records.map(({ fqdn }) => fqdn).toSorted();
  return { names, zone: claim.domain, checkAt: Math.min(...due) };
}

/** How long to wait after a check: longer the longer nothing has changed, and longest when all is well. */
function pause(name: NameEvidence, valid: boolean, timing: DnsTiming): number {
  const { missingInterval, missingIntervalMax, checkInterval } = timing;
  if (name.failures > 0) return Math.min(missingInterval * 2 ** Math.min(name.failures - 1, 20), missingIntervalMax);
  if (valid) return checkInterval;
  return Math.max(missingInterval, Math.min(name.checkedAt - name.since, missingIntervalMax));
}
