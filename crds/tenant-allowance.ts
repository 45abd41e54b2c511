import Type from "typebox";
import { dateTime, label, listMap, oneOf, rules } from "./dialect.ts";

const Credits = Type.Object(
  {
    type: oneOf(["Unlimited", "Recurring", "OneTime"], {
      description: "Unlimited: no cap. Recurring: `amount` anew each period. OneTime: `amount` once.",
    }),
    amount: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 1_000_000_000, description: "Credits; one credit is one recipient." }),
    ),
    reset: Type.Optional(
      oneOf(["Daily", "Weekly", "Monthly"], {
        description: "When Recurring credits are renewed, at 00:00 UTC: each day, each Monday, or the 1st.",
      }),
    ),
  },
  {
    description: "The base credits, shared by all environments.",
    ...rules(
      {
        rule: "self.type == 'Unlimited' ? !has(self.amount) : has(self.amount)",
        message: "amount is required with Recurring and OneTime, and forbidden with Unlimited",
      },
      {
        rule: "self.type == 'Recurring' ? has(self.reset) : !has(self.reset)",
        message: "reset is required with Recurring, and forbidden otherwise",
      },
    ),
  },
);

const TopUp = Type.Object(
  {
    name: Type.String({
      ...label,
      description: "Name of the top-up. A name never refills: a raised amount adds the difference.",
    }),
    amount: Type.Integer({ minimum: 1, maximum: 1_000_000_000, description: "Credits of this pool." }),
    expiresAt: Type.Optional(dateTime({ description: "When what is left expires; never when absent." })),
  },
  { description: "Extra credits, spent after the base, once, over periods." },
);

/** What the platform allows a tenant. */
export const Allowance = Type.Object(
  {
    plan: Type.String({
      minLength: 1,
      maxLength: 63,
      pattern: "^[A-Za-z][A-Za-z0-9-]*$",
      description: "A plan of the fleet's catalogue.",
    }),
    credits: Credits,
    topUps: listMap("name", TopUp, { maxItems: 64, default: [], description: "Extra credits." }),
    standing: oneOf(["Normal", "Suspended"], {
      default: "Normal",
      description: "Suspended: the platform refuses the tenant's mail; what was accepted before is delivered.",
    }),
  },
  { description: "What the platform allows the tenant. Required, without a default." },
);
