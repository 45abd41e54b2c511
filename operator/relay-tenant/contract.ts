import type {
  ContractEnvironment,
  ContractSmarthost,
  ContractSmarthostCredential,
  TenantContract,
} from "../../contract/tenant-contract.ts";
import type { RelayTenantSpec } from "../../crds/relay-tenant.ts";
import type { PlanConfig } from "../config.ts";
import { allowanceOf } from "./allowance.ts";
import type { CredentialOutcome } from "./credentials.ts";
import type { ObservedTenant } from "./observed.ts";
import { environmentRate, planRates } from "./rates.ts";
import type { Sending } from "./sending.ts";
import type { SmarthostOutcome } from "./smarthosts.ts";
import { allowsOwnDomains, sharedName } from "./shared-domain.ts";

type SmarthostSpec = NonNullable<RelayTenantSpec["delivery"]["smarthosts"]>[number];

/** What the relay must know of a tenant. */
export function tenantContract(
  observed: ObservedTenant,
  sending: Sending,
  outcomes: readonly CredentialOutcome[],
  { credentials }: Pick<SmarthostOutcome, "credentials">,
): TenantContract {
  const { namespace, name, spec } = observed;
  const { credits, topUps } = allowanceOf(spec.allowance);
  const shared = sharedName(observed, observed.sharedDomain);
  const rates = planRates(observed.plan);
  const { route, tlsPolicy, smarthosts = [] } = spec.delivery;
  return {
    version: 1,
    namespace,
    name,
    sending,
    environments: spec.environments
      .map((environment) => environmentOf(environment, observed.plan, outcomes))
      .toSorted(byName),
    allowance: { credits, topUps: [...topUps] },
    ...(rates && { rates }),
    delivery: {
      route,
      tlsPolicy,
      smarthosts: smarthosts.map((each) => smarthostOf(each, credentials)).toSorted(byName),
    },
    domains: allowsOwnDomains(observed.plan) ? "Own" : "Shared",
    ...(shared && { shared }),
    unproven: observed.unproven.map(({ domain, keys }) => ({ domain, keys: [...keys] })),
  };
}

function environmentOf(
  environment: RelayTenantSpec["environments"][number],
  plan: PlanConfig | undefined,
  outcomes: readonly CredentialOutcome[],
): ContractEnvironment {
  const { name, mode, domains } = environment;
  const rate = environmentRate(environment, plan);
  const credentials = outcomes
    .filter(({ target }) => target.credential.environment === name)
    .flatMap(({ accepted }) => accepted);
  return { name, mode, ...(domains && { domains: domains.toSorted() }), ...(rate && { rate }), credentials };
}

/** Member by member, so that equal contracts are equal text. */
function smarthostOf(
  { name, priority, host, port, security, secretRef }: SmarthostSpec,
  credentials: SmarthostOutcome["credentials"],
): ContractSmarthost {
  const credential = secretRef && (credentials.get(secretRef.name) ?? notFound);
  return { name, priority, host, port, security, ...(credential && { credential }) };
}

const notFound: ContractSmarthostCredential = { kind: "Withheld", reason: "SecretNotFound" };

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
