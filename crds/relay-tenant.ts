import Type from "typebox";
import { Condition, dateTime, label, listMap, listSet, oneOf, rules } from "./dialect.ts";
import { hostName, Smarthost } from "./smarthost.ts";
import { Allowance } from "./tenant-allowance.ts";
import { Credential } from "./tenant-credential.ts";

/** Bounds on nested lists: their product, squared, is what the rule on secret names costs; the API server refuses rules that may cost too much. */
const mostEnvironments = 16;
const mostCredentials = 8;

const Rate = Type.Object(
  {
    perSecond: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100_000,
        description: "Recipients a second on average, and after a quiet second so many at once.",
      }),
    ),
    perDay: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000_000_000, description: "Recipients from 00:00 UTC to 24:00 UTC." }),
    ),
  },
  {
    description:
      "How many recipients it may have; more are refused for a while with 451. The plan's limits hold beside it.",
    ...rules({
      rule: "has(self.perSecond) || has(self.perDay)",
      message: "a rate needs perSecond, perDay or both",
    }),
  },
);

const Environment = Type.Object(
  {
    name: Type.String({ ...label, description: "Name of the environment, such as production or staging." }),
    mode: oneOf(["Disabled", "Deliver", "Capture"], {
      default: "Disabled",
      description:
        "Disabled: mail is refused. Deliver: mail is delivered. Capture: mail is accepted, signed and kept, never delivered.",
    }),
    domains: Type.Optional(
      listSet(Type.String(hostName), {
        maxItems: 64,
        minItems: 1,
        description: "Domains that it may send from; every SendingDomain of the tenant when absent.",
      }),
    ),
    rate: Type.Optional(Rate),
    credentials: listMap("name", Credential, {
      maxItems: mostCredentials,
      default: [],
      description: "Credentials of this environment.",
    }),
  },
  { description: "A separate sending state with credentials of its own." },
);

const Delivery = Type.Object(
  {
    route: oneOf(["Direct", "Smarthost"], {
      default: "Direct",
      description: "Direct: to the MX hosts of the recipient's domain. Smarthost: to an upstream relay.",
    }),
    tlsPolicy: oneOf(["Opportunistic", "Required"], {
      default: "Opportunistic",
      description:
        "Opportunistic: TLS where the hop offers it. Required: never without TLS; a smarthost's certificate is verified too. With secretRef it always is.",
    }),
    smarthosts: Type.Optional(
      listMap("name", Smarthost, {
        maxItems: 8,
        minItems: 1,
        description: "Upstream relays, required with route Smarthost.",
      }),
    ),
  },
  {
    description: "How mail leaves.",
    default: {},
    ...rules(
      {
        rule: "self.route == 'Smarthost' ? has(self.smarthosts) : !has(self.smarthosts)",
        message: "smarthosts are required with route Smarthost, and forbidden with Direct",
      },
      {
        rule: "self.tlsPolicy != 'Required' || !has(self.smarthosts) || self.smarthosts.all(s, s.security != 'None')",
        message: "a smarthost with security None is forbidden with tlsPolicy Required",
      },
    ),
  },
);

export const RelayTenantSpec = Type.Object(
  {
    allowance: Allowance,
    sending: oneOf(["Enabled", "Disabled"], {
      default: "Enabled",
      description: "The tenant's own switch over all environments.",
    }),
    environments: listMap("name", Environment, {
      maxItems: mostEnvironments,
      default: [],
      description: "Environments of the tenant.",
    }),
    revokedKeyIds: listSet(
      Type.String({ minLength: 12, maxLength: 12, pattern: "^[a-z0-9]{12}$", description: "Id of an API key." }),
      {
        maxItems: 256,
        default: [],
        description: "API keys that are refused at once; a credential whose current key is revoked gets a new one.",
      },
    ),
    delivery: Delivery,
  },
  {
    description: "What the tenant asks for.",
    ...rules({
      rule: "self.environments.all(e, e.credentials.all(c, e.credentials.exists_one(d, d.secretName == c.secretName) && self.environments.exists_one(f, f.credentials.exists(d, d.secretName == c.secretName))))",
      message: "two credentials must not share a secretName",
    }),
  },
);
export type RelayTenantSpec = Type.Static<typeof RelayTenantSpec>;

export const RelayTenantStatus = Type.Object(
  {
    observedGeneration: Type.Integer({
      minimum: -1,
      description: "The generation that this status speaks of; -1 before the first.",
    }),
    conditions: Type.Optional(
      listMap("type", Condition, {
        maxItems: 16,
        description: "Ready, CredentialsReady, CreditsAvailable, SendingAllowed; Reconciling and Stalled when True.",
      }),
    ),
    sending: Type.Optional(
      Type.Object(
        {
          state: oneOf(["Active", "Disabled", "Suspended"], { description: "Whether the tenant may send." }),
          reason: Type.String({ maxLength: 64, description: "Why." }),
          domain: Type.Optional(
            Type.String({
              maxLength: 253,
              description: "The name below the fleet's shared domain that a tenant without own domains sends as.",
            }),
          ),
        },
        { description: "The effective sending state." },
      ),
    ),
    credits: Type.Optional(
      Type.Object(
        {
          period: Type.String({ maxLength: 32, description: "The current period, such as 2026-11." }),
          limit: Type.Optional(
            Type.Integer({ minimum: 0, description: "Base and unexpired top-ups; absent when Unlimited." }),
          ),
          used: Type.Integer({ minimum: 0, description: "Credits used of the limit." }),
          remaining: Type.Optional(Type.Integer({ minimum: 0, description: "Credits left; absent when Unlimited." })),
          resetsAt: Type.Optional(dateTime({ description: "When the base credits are renewed." })),
        },
        { description: "Credits, in steps of a tenth of the limit, not per message." },
      ),
    ),
    environments: Type.Optional(
      listMap(
        "name",
        Type.Object(
          {
            name: Type.String({ ...label, description: "Name of the environment." }),
            credentials: listMap(
              "name",
              Type.Object(
                {
                  name: Type.String({ ...label, description: "Name of the credential." }),
                  secretName: Type.String({ maxLength: 253, description: "Secret that holds it." }),
                  keyId: Type.String({ maxLength: 63, description: "Id of the current key." }),
                  rotatedAt: dateTime({ description: "When the current key was issued." }),
                  lastHandledRotation: Type.Optional(
                    Type.String({
                      maxLength: 64,
                      description: "The token of posthouse.dev/rotate that was last acted on.",
                    }),
                  ),
                  oldKeyIds: Type.Optional(
                    listSet(Type.String({ maxLength: 63, description: "Id of an API key." }), {
                      maxItems: 16,
                      description: "Replaced keys that still work.",
                    }),
                  ),
                },
                { description: "A credential that was issued." },
              ),
              { maxItems: mostCredentials, description: "Credentials of the environment." },
            ),
          },
          { description: "State of an environment." },
        ),
        { maxItems: mostEnvironments, description: "Environments of the tenant." },
      ),
    ),
  },
  { description: "What Posthouse made of it.", default: { observedGeneration: -1 } },
);
export type RelayTenantStatus = Type.Static<typeof RelayTenantStatus>;
