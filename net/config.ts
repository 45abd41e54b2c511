import Type from "typebox";
import { durationPattern } from "../runtime/duration.ts";

const duration = (value: string, description: string): Type.TString =>
  Type.String({ pattern: durationPattern, default: value, description });

/** The `dns` object of the fleet file: whom to ask, and how often domains are checked. */
export const DnsConfig = Type.Object(
  {
    mode: Type.Unsafe<"Resolvers">({
      type: "string",
      enum: ["Resolvers"],
      default: "Resolvers",
      description: "Resolvers: everything is asked of recursive resolvers.",
    }),
    resolvers: Type.Array(
      Type.String({
        maxLength: 64,
        pattern: "^([0-9.]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?$",
        description: "An address with an optional port, such as 192.0.2.1:53 or [2001:db8::1]:53.",
      }),
      {
        maxItems: 8,
        default: [],
        description: "Recursive resolvers, asked in this order; the machine's own when empty.",
      },
    ),
    timeout: duration("3s", "How long one resolver may take to answer one question."),
    activationDelay: duration("15m", "How long a DKIM record must have been visible before its key signs."),
    checkInterval: duration("1h", "How often a domain is checked whose records are all there."),
    missingInterval: duration("1m", "How soon a domain is checked again at first while a record is missing."),
    missingIntervalMax: duration("15m", "What that interval rises to."),
  },
  { additionalProperties: false, default: {}, description: "DNS look-ups, of both the operator and the relay." },
);
export type DnsConfig = Type.Static<typeof DnsConfig>;
