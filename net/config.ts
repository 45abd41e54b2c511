import Type from "typebox";
import { duration } from "../runtime/config-field.ts";

const serverAddress = Type.String({
  maxLength: 64,
  pattern: "^([0-9.]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?$",
  description: "An address with an optional port, such as 192.0.2.1:53 or [2001:db8::1]:53.",
});

const Authority = Type.Object(
  {
    zone: Type.String({
      maxLength: 253,
      pattern: "^([a-z0-9_-]{1,63}\\.)*[a-z0-9_-]{1,63}$",
      description: "The zone, lower case; its servers are asked for every name below it too.",
    }),
    servers: Type.Array(serverAddress, {
      minItems: 1,
      maxItems: 13,
      description: "Its authoritative name servers; their addresses are not vetted.",
    }),
  },
  { additionalProperties: false, description: "A zone and its name servers." },
);

/** The `dns` object of the fleet file: whom to ask, and how often domains are checked. */
export const DnsConfig = Type.Object(
  {
    mode: Type.Unsafe<"Authoritative" | "Resolvers">({
      type: "string",
      enum: ["Authoritative", "Resolvers"],
      default: "Authoritative",
      description:
        "Authoritative: the records of domains are asked of every name server of their zone, which needs port 53 outwards. Resolvers: everything is asked of recursive resolvers, which proves what they say and no more.",
    }),
    resolvers: Type.Array(serverAddress, {
      maxItems: 8,
      default: [],
      description: "Recursive resolvers, asked in this order; the machine's own when empty.",
    }),
    authorities: Type.Array(Authority, {
      maxItems: 64,
      default: [],
      description: "Zones whose name servers need not be found: those of an inside view, for example.",
    }),
    allowNetworks: Type.Array(Type.String({ maxLength: 64 }), {
      maxItems: 64,
      default: [],
      description:
        "CIDR blocks in which name servers may be asked that a zone names, though they are private or otherwise special.",
    }),
    timeout: duration("3s", "How long one resolver or name server may take to answer one question."),
    activationDelay: duration("15m", "How long a DKIM record must have been visible before its key signs."),
    checkInterval: duration("1h", "How often a domain is checked whose records are all there."),
    missingInterval: duration("1m", "How soon a domain is checked again at first while a record is missing."),
    missingIntervalMax: duration("15m", "What that interval rises to."),
  },
  { additionalProperties: false, default: {}, description: "DNS look-ups, of both the operator and the relay." },
);
export type DnsConfig = Type.Static<typeof DnsConfig>;
