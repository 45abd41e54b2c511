import type { RelayTenantStatus } from "../../crds/relay-tenant.ts";
import { summarise, type ConditionType, type Finding } from "../conditions.ts";
import type { Problem } from "../reasons.ts";
import { timestamp } from "../timestamp.ts";
import { credentialText } from "./application-secret.ts";
import type { CredentialOutcome } from "./credentials.ts";
import type { CreditReport } from "./credit-report.ts";
import type { ObservedTenant } from "./observed.ts";
import { keptFinding, keptKeys } from "./old-keys.ts";
import { sendingMessage, type Sending } from "./sending.ts";
import { allowsOwnDomains, sharedMessage, sharedName, sharedSending } from "./shared-domain.ts";

/** The conditions of a RelayTenant beside Ready, Reconciling and Stalled. */
export const tenantConditions: readonly ConditionType[] = [
  { type: "CredentialsReady", means: "Every credential is issued to its Secret.", neededForReady: true },
  { type: "CreditsAvailable", means: "Credits are left.", neededForReady: false },
  {
    type: "SendingAllowed",
    means:
      "Mail is accepted: neither the tenant nor the fleet has switched sending off, and a shared domain is proven.",
    neededForReady: false,
  },
];

/** What a plan has decided, as the status tells it. */
export interface Outcome {
  /** As the contract says it; relays see for themselves how the shared domain stands. */
  readonly sending: Sending;
  readonly outcomes: readonly CredentialOutcome[];
  readonly problems: readonly Problem[];
  readonly credits: CreditReport;
}

/** The status of a RelayTenant. */
export function tenantStatus(observed: ObservedTenant, outcome: Outcome, now: number): RelayTenantStatus {
  const { outcomes, problems, credits } = outcome;
  const sending = sharedSending(outcome.sending, observed.sharedState);
  const findings = {
    CredentialsReady: credentialsReady(outcomes, now),
    CreditsAvailable: credits.finding,
    SendingAllowed: sendingAllowed(sending, sharedMessage(sending, observed.sharedDomain), problems),
  };
  const shared = sharedName(observed, observed.sharedDomain);
  const previous = observed.status?.conditions ?? [];
  const summary = { table: tenantConditions, findings, problems, generation: observed.generation, previous };
  return {
    observedGeneration: observed.generation,
    conditions: summarise(summary, now),
    sending: { ...sending, ...(shared && !allowsOwnDomains(observed.plan) && { domain: shared.domain }) },
    ...(credits.status && { credits: credits.status }),
    environments: observed.spec.environments
      .map(({ name }) => ({ name, credentials: issuedIn(name, outcomes) }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

type IssuedStatus = NonNullable<RelayTenantStatus["environments"]>[number]["credentials"];

function issuedIn(environment: string, outcomes: readonly CredentialOutcome[]): IssuedStatus {
  return outcomes
    .filter(({ target }) => target.credential.environment === environment)
    .flatMap(({ target, current, accepted }) => {
      if (current === undefined) return [];
      const { id, issuedAt, rotation } = current;
      const old = accepted.filter((key) => key.id !== id).map((key) => key.id);
      return [
        {
          name: target.credential.credential,
          secretName: target.secretName,
          keyId: id,
          rotatedAt: timestamp(issuedAt),
          ...(rotation !== undefined && { lastHandledRotation: rotation }),
          ...(old.length > 0 && { oldKeyIds: old }),
        },
      ];
    });
}

function credentialsReady(outcomes: readonly CredentialOutcome[], now: number): Finding {
  const [refused] = outcomes.flatMap(({ problem }) => problem ?? []);
  if (refused) return { status: "False", reason: refused.reason, message: refused.message };
  const open = outcomes.filter(({ current }) => current === undefined).map(({ target }) => credentialText(target));
  if (open.length > 0)
    return { status: "False", reason: "CredentialsMissing", message: `To be issued: ${open.join(", ")}.` };
  return (
    keptFinding(keptKeys(outcomes, now), issued) ?? { status: "True", reason: "CredentialsIssued", message: issued }
  );
}

const issued = "Every credential is issued to its Secret.";

function sendingAllowed(sending: Sending, shared: string | undefined, problems: readonly Problem[]): Finding {
  const status = sending.state === "Active" ? "True" : "False";
  return { status, reason: sending.reason, message: shared ?? sendingMessage(sending, problems) };
}
