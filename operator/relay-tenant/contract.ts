import type {
  ContractEnvironment,
  ContractSmarthost,
  ContractSmarthostCredential,
  TenantContract,
} from "../../contract/tenant-contract.ts";
import { encodeTenantContract } from "../../contract/codec.ts";
import { contractDataKey } from "../../contract/names.ts";
import type { RelayTenantSpec } from "../../crds/relay-tenant.ts";
import type { PlanConfig } from "../config.ts";
import { problem, type Problem } from "../reasons.ts";
import { allowanceOf } from "./allowance.ts";
import type { CredentialOutcome } from "./credentials.ts";
import type { ObservedTenant } from "./observed.ts";
import { environmentRate, planRates } from "./rates.ts";
import { effectiveSending, type Sending } from "./sending.ts";
import type { SmarthostOutcome } from "./smarthosts.ts";
import { allowsOwnDomains, sharedName } from "./shared-domain.ts";

type SmarthostSpec = NonNullable<RelayTenantSpec["delivery"]["smarthosts"]>[number];

/** What the credentials of a tenant and of its smarthosts come to. */
interface Logins {
  readonly outcomes: readonly CredentialOutcome[];
  readonly smarthosts: Pick<SmarthostOutcome, "credentials">;
}

/** They are good for Capture alone: a tenant that captures nothing is not told of every key that is made for it. */
function unprovenFor({ spec, unproven }: ObservedTenant): TenantContract["unproven"] {
  if (!spec.environments.some(({ mode }) => mode === "Capture")) return [];
  return unproven.slice(0, mostUnproven).map(({ domain, keys }) => ({ domain, keys: [...keys] }));
}

/** A Secret holds 1 MiB; the rest is left for what one adds to the contract. */
const mostBytes = 1_000_000;

/** They are good for Capture alone, and anybody can make up any number of them. */
const mostUnproven = 500;

/**
 * What the relays are told of a tenant, and why they are told less than its spec asks for. A contract that is too large to
 * be written would leave the one before in force, whatever the platform has said since: it loses its logins instead.
 */
export function contractThatFits(
  observed: ObservedTenant,
  refused: readonly Problem[],
  logins: Logins,
): { readonly contract: TenantContract; readonly problems: readonly Problem[] } {
  const whole = tenantContract(observed, effectiveSending(observed.spec, refused), logins);
  const bytes = Buffer.byteLength(encodeTenantContract(whole)[contractDataKey] ?? "");
  if (bytes <= mostBytes) return { contract: whole, problems: [] };
  const problems = [problem("ContractTooLarge", `The contract would have ${bytes} bytes, and ${mostBytes} fit.`)];
  const sending = effectiveSending(observed.spec, [...refused, ...problems]);
  return { contract: { ...whole, sending, environments: [], unproven: [] }, problems };
}

function tenantContract(
  observed: ObservedTenant,
  sending: Sending,
  { outcomes, smarthosts: { credentials } }: Logins,
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
    unproven: unprovenFor(observed),
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
