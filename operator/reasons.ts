/** A reconciliation that cannot go on: `Stalled` until the user acts, `Waiting` until something else happens. */
export interface Problem {
  readonly kind: "Stalled" | "Waiting";
  readonly reason: Reason;
  /** What is wrong and what to do, in sentences for the user. */
  readonly message: string;
}

interface ReasonEntry {
  readonly kind: Problem["kind"];
  readonly remedy: string;
}

/** Every reason for Stalled and Waiting, with what the user can do about it. */
export const reasons = {
  UnknownPlan: {
    kind: "Stalled",
    remedy: "Set spec.allowance.plan to a plan of the fleet file, or add the plan there.",
  },
  PlanNotAllowed: {
    kind: "Stalled",
    remedy: "Choose another plan, or have the namespace added to the plan's `namespaces` in the fleet file.",
  },
  CreditsOverPlan: {
    kind: "Stalled",
    remedy: "Lower spec.allowance, or choose a plan with a higher cap.",
  },
  TopUpTimeInvalid: {
    kind: "Stalled",
    remedy: "Write expiresAt as RFC 3339, such as 2026-12-01T00:00:00Z. The top-up counts as expired until then.",
  },
  SecretNotOwned: {
    kind: "Stalled",
    remedy:
      "Posthouse never changes a Secret that it did not make: choose another secretName, or delete that Secret if nothing needs it.",
  },
  SecretNameShared: {
    kind: "Stalled",
    remedy: "Give each credential a secretName of its own; the first by environment and name keeps it.",
  },
  SecretNotOffered: {
    kind: "Waiting",
    remedy: "Who may change the Secret offers it so; a custom resource alone must not open Secrets.",
  },
  SecretNotFound: {
    kind: "Waiting",
    remedy: "Create it, with the label posthouse.dev/use on it.",
  },
  DomainTaken: {
    kind: "Stalled",
    remedy: "A domain has one holder in a fleet. Ask the platform team if it should be moved here.",
  },
  DomainTooLong: {
    kind: "Stalled",
    remedy: "Delete the SendingDomain: a name in DNS has at most 253 characters (RFC 1035), the selector's included.",
  },
  ContractUnreadable: {
    kind: "Stalled",
    remedy: "Ask the platform team to restore it from a backup, or to delete it so that the domain is proven anew.",
  },
  HistoryUnreadable: {
    kind: "Stalled",
    remedy: "Ask the platform team to restore it from a backup, or to delete it so that it is rebuilt from the keys.",
  },
  TenantNotFound: {
    kind: "Waiting",
    remedy: "Create the RelayTenant; the keys and the DNS records are ready meanwhile.",
  },
} as const satisfies Readonly<Record<string, ReasonEntry>>;

export type Reason = keyof typeof reasons;

/** A problem whose message says what was found, then what to do. */
export function problem(reason: Reason, found: string): Problem {
  const { kind, remedy } = reasons[reason];
  return { kind, reason, message: `${found} ${remedy}` };
}
