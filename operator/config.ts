import Type from "typebox";
import { rate } from "../runtime/config-field.ts";
import { parseDuration } from "../runtime/duration.ts";
import type { DnsConfig } from "../net/config.ts";
import { namespacePattern } from "./namespace-pattern.ts";

const Plan = Type.Object(
  {
    maxCredits: Type.Union([Type.Integer({ minimum: 0 }), Type.Literal("Unlimited")], {
      description:
        "The most credits that a tenant of the plan may get in a month, unexpired top-ups included, or Unlimited. A Daily amount counts 31 times, a Weekly one 5 times.",
    }),
    namespaces: Type.Array(Type.String({ maxLength: 63, pattern: namespacePattern }), {
      default: ["*"],
      maxItems: 1000,
      description: "Namespaces whose tenants may use the plan: names, with * at the end only.",
    }),
    rates: Type.Optional(
      Type.Object(
        {
          tenant: Type.Optional(rate("Recipients of a tenant, all its environments together.")),
          credential: Type.Optional(rate("Recipients of each credential.")),
        },
        {
          additionalProperties: false,
          description: "How fast tenants of the plan may send; as fast as they can when absent.",
        },
      ),
    ),
    features: Type.Optional(
      Type.Object(
        {
          ownDomains: Type.Optional(
            Type.Boolean({
              default: true,
              description:
                "Tenants send as their SendingDomains; without it as a name below sharedDomain, and as nothing else.",
            }),
          ),
        },
        { additionalProperties: false, description: "What tenants of the plan may do." },
      ),
    ),
  },
  { additionalProperties: false, description: "A plan of the catalogue." },
);
export type PlanConfig = Type.Static<typeof Plan>;

/** The `plans` object of the fleet file. */
export const PlansConfig = Type.Record(Type.String({ pattern: "^[A-Za-z][A-Za-z0-9-]{0,62}$" }), Plan, {
  additionalProperties: false,
  default: {
    Starter: { maxCredits: 6200, features: { ownDomains: false } },
    Pro: { maxCredits: 1_000_000 },
    Scale: { maxCredits: "Unlimited" },
  },
  description: "The catalogue that spec.allowance.plan chooses from, by name.",
});
export type PlansConfig = Type.Static<typeof PlansConfig>;

/** The `sharedDomain` object of the fleet file. */
export const SharedDomainConfig = Type.Object(
  {
    domain: Type.String({
      minLength: 3,
      maxLength: 190,
      pattern: "^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\.)+[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
      description: "The domain, such as mail.example.net.",
    }),
    namespace: Type.String({
      minLength: 1,
      maxLength: 63,
      pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
      description: "Namespace of the SendingDomain that claims it; no other claim of it counts.",
    }),
  },
  {
    additionalProperties: false,
    description:
      "The domain for plans without own domains: their tenants send as <tenant>.<namespace>.<domain>, signed by it. Such tenants cannot send while it is absent.",
  },
);
export type SharedDomain = Type.Static<typeof SharedDomainConfig>;

/** The `spf` object of the fleet file; the composer fills in `_spf.<hostname>` where `include` is absent. */
export const SpfConfig = Type.Object(
  {
    include: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 253,
        pattern: "^([a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9])?\\.)+[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
        description: "The name whose SPF record lists the fleet's addresses; _spf.<hostname> when absent.",
      }),
    ),
  },
  { additionalProperties: false, default: {}, description: "SPF, as domains are told to include it." },
);
export type SpfConfig = Type.Static<typeof SpfConfig>;

const Zone = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: "^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\.)*[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
});

const Grant = Type.Object(
  {
    zones: Type.Array(Zone, {
      minItems: 1,
      maxItems: 1000,
      description: "Domains, each with all names below it.",
    }),
    namespaces: Type.Array(Type.String({ maxLength: 63, pattern: namespacePattern }), {
      minItems: 1,
      maxItems: 1000,
      description: "Namespaces whose SendingDomains may publish there: names, with * at the end only.",
    }),
  },
  { additionalProperties: false, description: "Namespaces, and where they may publish." },
);

/** The `dnsAutomation` list of the fleet file. */
export const DnsAutomationConfig = Type.Array(Grant, {
  default: [],
  maxItems: 1000,
  description:
    "Where records may be published through ExternalDNS, and for whom (spec.dns.publish of a SendingDomain). A grant is the proof of who owns a domain there; nobody publishes without one.",
});
export type DnsAutomationConfig = Type.Static<typeof DnsAutomationConfig>;

/** When DNS is asked and believed, in milliseconds. */
export interface DnsTiming {
  readonly activationDelay: number;
  readonly checkInterval: number;
  readonly missingInterval: number;
  readonly missingIntervalMax: number;
}

/** The operator's part of the `dns` object of the fleet file. */
export function dnsTiming(
  config: Pick<DnsConfig, "activationDelay" | "checkInterval" | "missingInterval" | "missingIntervalMax">,
): DnsTiming {
  return {
    activationDelay: parseDuration(config.activationDelay),
    checkInterval: parseDuration(config.checkInterval),
    missingInterval: parseDuration(config.missingInterval),
    missingIntervalMax: parseDuration(config.missingIntervalMax),
  };
}
