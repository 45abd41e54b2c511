import Type from "typebox";

const names = { minLength: 1, maxLength: 253 };

/** A DKIM key as a contract names it: the private half stands in the key Secret `secretName` of the same namespace. */
export const ContractKey = Type.Object({
  selector: Type.String({ minLength: 1, maxLength: 63 }),
  algorithm: Type.Union([Type.Literal("RSA2048"), Type.Literal("Ed25519")]),
  secretName: Type.String(names),
});
export type ContractKey = Type.Static<typeof ContractKey>;

/** A credential as the relay checks it: SHA-256 (hex) of the 32 random bytes in the API key. */
export const ContractCredential = Type.Object({
  id: Type.String({ pattern: "^[a-z0-9]{12}$" }),
  name: Type.String(names),
  sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
  /** CIDR blocks that a client must come from; empty means anywhere. */
  allowedSources: Type.Array(Type.String({ maxLength: 64 })),
  /** Milliseconds since the epoch after which the key is refused; absent means never. */
  notAfter: Type.Optional(Type.Integer({ minimum: 0 })),
});
export type ContractCredential = Type.Static<typeof ContractCredential>;

/** The shape of `Rate` in contract/rates.ts. */
export const ContractRate = Type.Object({
  perSecond: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  perDay: Type.Optional(Type.Integer({ minimum: 1 })),
});
export type ContractRate = Type.Static<typeof ContractRate>;

export const ContractEnvironment = Type.Object({
  name: Type.String(names),
  mode: Type.Union([Type.Literal("Disabled"), Type.Literal("Deliver"), Type.Literal("Capture")]),
  /** Domains that it may send from; absent means every domain of the tenant. */
  domains: Type.Optional(Type.Array(Type.String(names))),
  /** Absent means no limit of its own. */
  rate: Type.Optional(ContractRate),
  credentials: Type.Array(ContractCredential),
});
export type ContractEnvironment = Type.Static<typeof ContractEnvironment>;

/** Credentials for a smarthost, which stand in a Secret of the same namespace. `Withheld`: there are none now, and nothing is sent without. */
export const ContractSmarthostCredential = Type.Union([
  Type.Object({ kind: Type.Literal("Secret"), secretName: Type.String(names) }),
  Type.Object({
    kind: Type.Literal("Withheld"),
    /** Why, in a CamelCase word; for people and logs. */
    reason: Type.String(names),
  }),
]);
export type ContractSmarthostCredential = Type.Static<typeof ContractSmarthostCredential>;

export const ContractSmarthost = Type.Object({
  name: Type.String(names),
  /** Lower is tried first. */
  priority: Type.Integer({ minimum: 0, maximum: 65535 }),
  host: Type.String(names),
  port: Type.Integer({ minimum: 1, maximum: 65535 }),
  security: Type.Union([Type.Literal("None"), Type.Literal("StartTLS"), Type.Literal("ImplicitTLS")]),
  /** Absent: the smarthost asks for none. */
  credential: Type.Optional(ContractSmarthostCredential),
});
export type ContractSmarthost = Type.Static<typeof ContractSmarthost>;

export const ContractDelivery = Type.Object({
  route: Type.Union([Type.Literal("Direct"), Type.Literal("Smarthost")]),
  /** `Required`: a hop without TLS is a failed attempt; a smarthost's certificate is then verified too. */
  tlsPolicy: Type.Union([Type.Literal("Opportunistic"), Type.Literal("Required")]),
  smarthosts: Type.Array(ContractSmarthost),
});
export type ContractDelivery = Type.Static<typeof ContractDelivery>;

const ContractCredits = Type.Union([
  Type.Object({ type: Type.Literal("Unlimited") }),
  Type.Object({
    type: Type.Literal("Recurring"),
    amount: Type.Integer({ minimum: 0 }),
    reset: Type.Union([Type.Literal("Daily"), Type.Literal("Weekly"), Type.Literal("Monthly")]),
  }),
  Type.Object({ type: Type.Literal("OneTime"), amount: Type.Integer({ minimum: 0 }) }),
]);

/**
 * What the relay must know of a RelayTenant: one Secret for each, written by the operator, derived from the
 * custom resource and the records beside it. It holds no private key and no API key.
 */
export const TenantContract = Type.Object({
  version: Type.Literal(1),
  namespace: Type.String(names),
  name: Type.String(names),
  sending: Type.Object({
    state: Type.Union([Type.Literal("Active"), Type.Literal("Disabled"), Type.Literal("Suspended")]),
    /** Why, in a CamelCase word; for people and logs. */
    reason: Type.String(names),
  }),
  environments: Type.Array(ContractEnvironment),
  /** The shape of `Allowance` in contract/credits.ts. */
  allowance: Type.Object({
    credits: ContractCredits,
    topUps: Type.Array(
      Type.Object({
        name: Type.String(names),
        amount: Type.Integer({ minimum: 0 }),
        expiresAt: Type.Optional(Type.Integer({ minimum: 0 })),
      }),
    ),
  }),
  /** Limits of the plan: of the tenant as a whole, and of each of its credentials. Absent means none. */
  rates: Type.Optional(Type.Object({ tenant: Type.Optional(ContractRate), credential: Type.Optional(ContractRate) })),
  delivery: ContractDelivery,
  /** `Shared`: the tenant sends as its name below the fleet's shared domain, and as nothing else. Absent means `Own`. */
  domains: Type.Optional(Type.Union([Type.Literal("Own"), Type.Literal("Shared")])),
  /**
   * The tenant's name below the fleet's shared domain, while the fleet has one: `domain` is signed with the keys of
   * `signedBy`, if a claim of the namespace `namespace` holds that.
   */
  shared: Type.Optional(
    Type.Object({ domain: Type.String(names), signedBy: Type.String(names), namespace: Type.String(names) }),
  ),
  /** Domains of the tenant that no claim of it has proven yet: good for Capture alone, signed with a Pending key. */
  unproven: Type.Array(Type.Object({ domain: Type.String(names), keys: Type.Array(ContractKey) })),
});
export type TenantContract = Type.Static<typeof TenantContract>;
