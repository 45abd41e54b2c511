import { Ajv } from "ajv";
import Type from "typebox";
import { expect, test } from "vitest";
import { dnsTiming, PlansConfig, SpfConfig } from "./config.ts";

const schema = Type.Object({ plans: PlansConfig, spf: SpfConfig }, { additionalProperties: false });
const validate = new Ajv({ useDefaults: true, allErrors: true, strict: true }).compile(schema);

function read(fleet: unknown): { readonly fleet: unknown; readonly errors: readonly string[] } {
  const copy: unknown = structuredClone(fleet);
  validate(copy);
  return { fleet: copy, errors: (validate.errors ?? []).map(({ instancePath }) => instancePath) };
}

test("an empty file has the default catalogue, open to every namespace", () => {
  expect(read({})).toEqual({
    errors: [],
    fleet: {
      plans: {
        Starter: { maxCredits: 6200, namespaces: ["*"], features: { ownDomains: false } },
        Pro: { maxCredits: 1_000_000, namespaces: ["*"] },
        Scale: { maxCredits: "Unlimited", namespaces: ["*"] },
      },
      spf: {},
    },
  });
});

test.each<[string, unknown, readonly string[]]>([
  ["a catalogue of one's own", { plans: { Gold: { maxCredits: 5, namespaces: ["team-*", "a"] } } }, []],
  ["no cap at all", { plans: { Gold: {} } }, ["/plans/Gold"]],
  [
    "a bad cap",
    { plans: { Gold: { maxCredits: "lots" } } },
    ["/plans/Gold/maxCredits", "/plans/Gold/maxCredits", "/plans/Gold/maxCredits"],
  ],
  ["a bad pattern", { plans: { Gold: { maxCredits: 1, namespaces: ["*-a"] } } }, ["/plans/Gold/namespaces/0"]],
  ["a bad name", { plans: { "1st": { maxCredits: 1 } } }, ["/plans"]],
  ["an unknown member", { plans: { Gold: { maxCredits: 1, price: 2 } } }, ["/plans/Gold"]],
  ["rates", { plans: { Gold: { maxCredits: 1, rates: { tenant: { perSecond: 5 }, credential: { perDay: 9 } } } } }, []],
  ["a rate of nothing", { plans: { Gold: { maxCredits: 1, rates: { tenant: {} } } } }, ["/plans/Gold/rates/tenant"]],
  [
    "a rate of an environment",
    { plans: { Gold: { maxCredits: 1, rates: { environment: { perSecond: 5 } } } } },
    ["/plans/Gold/rates"],
  ],
  ["an include", { spf: { include: "_spf.relay.example.net" } }, []],
  ["an include that is no name", { spf: { include: "include:x" } }, ["/spf/include"]],
])("%s", (_, fleet, errors) => {
  expect(read(fleet).errors).toEqual(errors);
});

test("durations are read as milliseconds, small ones too", () => {
  const dns = { activationDelay: "0s", checkInterval: "1h", missingInterval: "200ms", missingIntervalMax: "15m" };
  expect(dnsTiming(dns)).toEqual({
    activationDelay: 0,
    checkInterval: 3_600_000,
    missingInterval: 200,
    missingIntervalMax: 900_000,
  });
});
