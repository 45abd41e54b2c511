import { type ValuesSchema, withoutDefaultedRequired } from "./json-schema.ts";

/** A store in a folder is one pod's alone, and lies on its volume. */
const oneRelay = {
  if: {
    properties: {
      redis: { properties: { secretName: { const: "" } } },
      fleet: { properties: { store: { pattern: "^file:" } } },
    },
  },
  // oxlint-disable-next-line unicorn/no-thenable -- the keyword of JSON Schema
  then: {
    properties: {
      fleet: { properties: { store: { pattern: "^file:/var/lib/posthouse/." } } },
      relay: {
        required: ["replicas"],
        properties: {
          replicas: { const: 1 },
          autoscaling: { properties: { enabled: { const: false } } },
        },
      },
    },
  },
};

/**
 * The JSON schema that Helm holds values against. Parents of the chart pass `global` to it, and `enabled` for their own use;
 * everything else that it does not know is a mistake.
 */
export function valuesJsonSchema(schema: ValuesSchema): string {
  const { properties, ...rest } = withoutDefaultedRequired(schema);
  const whole = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of the Posthouse chart",
    ...rest,
    properties: {
      global: { type: "object", description: "Values of a parent chart; not used." },
      enabled: { type: "boolean", description: "For a parent chart's condition; not used." },
      ...properties,
    },
    ...oneRelay,
  };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}
