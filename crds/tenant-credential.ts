import Type from "typebox";
import { durationForm, label, listSet, objectName, oneOf, rules } from "./dialect.ts";

/** An IPv4 or IPv6 CIDR block; of an IPv6 address only the characters and the prefix length are checked. */
const octet = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const cidrBlock = `^(${octet}(\\.${octet}){3}/(3[0-2]|[12]?[0-9])|[0-9a-fA-F]*:[0-9a-fA-F:.]*/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))$`;

const Rotation = Type.Object(
  {
    schedule: oneOf(["Manual", "Interval"], {
      default: "Manual",
      description:
        "Manual: a new key when asked for by the annotation posthouse.dev/rotate. Interval: each `every` too.",
    }),
    every: Type.Optional(
      Type.String({ ...durationForm, description: "Age at which a key is replaced; an hour or more." }),
    ),
    overlap: Type.String({
      ...durationForm,
      default: "24h",
      description: "How long a replaced key goes on working; 0s ends it at once.",
    }),
    oldKeys: oneOf(["KeepWhileUsed", "Revoke"], {
      default: "KeepWhileUsed",
      description:
        "KeepWhileUsed: a replaced key that is still in use after the overlap is kept and reported (OldKeyInUse) until nobody has used it for an overlap. Revoke: it ends with the overlap.",
    }),
  },
  {
    description: "When the API key is replaced by a new one.",
    default: {},
    ...rules(
      {
        rule: "self.schedule == 'Interval' ? has(self.every) : !has(self.every)",
        message: "every is required with Interval, and forbidden with Manual",
      },
      {
        rule: "!has(self.every) || duration(self.every) >= duration('1h')",
        message: "every must be 1h or more",
      },
      {
        rule: "!has(self.every) || duration(self.overlap) <= duration(self.every)",
        message: "overlap must not be longer than every",
      },
    ),
  },
);

/** A credential of an environment. */
export const Credential = Type.Object(
  {
    name: Type.String({ ...label, description: "Name of the credential within its environment." }),
    secretName: Type.String({
      ...objectName,
      description: "Secret that Posthouse writes the credential to, in the tenant's namespace.",
    }),
    allowedSources: Type.Optional(
      listSet(Type.String({ minLength: 3, maxLength: 64, pattern: cidrBlock }), {
        maxItems: 64,
        minItems: 1,
        description: "CIDR blocks that clients must come from; anywhere when absent.",
      }),
    ),
    rotation: Rotation,
  },
  { description: "An API key for SMTP AUTH, revocable on its own." },
);
