import type { KeyStatus, SendingDomainStatus } from "../../crds/sending-domain.ts";
import { remember } from "../../runtime/remember.ts";
import { summarise } from "../conditions.ts";
import { timestamp } from "../timestamp.ts";
import { domainConditions, domainFindings } from "./conditions.ts";
import type { ObservedDomain } from "./observed.ts";
import type { ClaimState } from "./claim-state.ts";
import type { KeyEntry } from "./key-history.ts";
import { keyState } from "./key-state.ts";
import { recordStatuses } from "./report.ts";

/** The status of a SendingDomain. */
export function domainStatus(observed: ObservedDomain, state: ClaimState, now: number): SendingDomainStatus {
  const { status, generation, claim } = observed;
  const summary = {
    table: domainConditions,
    findings: domainFindings(observed, state),
    problems: state.problems,
    generation,
    previous: status?.conditions ?? [],
  };
  const keys = state.reported.flatMap(keyStatus);
  const handled = state.handledRotation;
  return {
    observedGeneration: generation,
    conditions: summarise(summary, now),
    dkim: { ...(handled !== undefined && { lastHandledRotation: handled }), keys },
    records: recordStatuses(state.records, claim.domain, status?.records ?? [], now),
  };
}

const keyStatus: (entry: KeyEntry) => readonly KeyStatus[] = remember((entry) => {
  const { selector, algorithm, key, activatedAt } = entry;
  return key === undefined
    ? []
    : [
        {
          selector,
          algorithm,
          state: keyState(entry),
          fingerprint: key.fingerprint,
          ...(entry.imported && { origin: "Imported" as const }),
          createdAt: timestamp(key.createdAt),
          ...(activatedAt !== undefined && { activatedAt: timestamp(activatedAt) }),
        },
      ];
});
