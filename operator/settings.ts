import type { Submission } from "./action.ts";
import type { DnsAutomationConfig, DnsTiming, PlansConfig, SharedDomain } from "./config.ts";

/** The fleet's settings, as the operator needs them; durations in milliseconds. */
export interface OperatorSettings {
  readonly contractNamespace: string;
  readonly plans: PlansConfig;
  /** The domain that tenants without own domains send below. */
  readonly sharedDomain?: SharedDomain;
  /** The name that domains include in their SPF records. */
  readonly spfInclude: string;
  readonly dns: DnsTiming;
  readonly submission: Submission;
  /** Where records may be published through ExternalDNS, and for whom; nowhere when absent. */
  readonly dnsAutomation?: DnsAutomationConfig;
  /** How long the relays try a message, so old may it be when it is signed; 72 h when absent. */
  readonly longestMessageAge?: number;
  /** Between a custom resource's being gone and the end of what it left behind; an hour when absent. */
  readonly orphanGrace?: number;
  /** Between two pulls of usage; 30 s when absent. */
  readonly usageInterval?: number;
}
