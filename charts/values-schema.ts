import { type ValuesSchema, withoutDefaultedRequired } from "./json-schema.ts";

/** Who asks for a certificate says of whom. */
const namedIssuer = {
  if: {
    properties: {
      tls: {
        properties: { secretName: { const: "" }, certManager: { properties: { enabled: { const: true } } } },
      },
    },
  },
  // oxlint-disable-next-line unicorn/no-thenable -- the keyword of JSON Schema
  then: {
    properties: {
      tls: { properties: { certManager: { properties: { issuerRef: { properties: { name: { minLength: 1 } } } } } } },
    },
  },
};

/** The fleet file is a ConfigMap. What is wanted instead is said as a constant: a pattern that fails is told with the password. */
const noPassword = {
  properties: {
    fleet: {
      properties: {
        store: {
          if: { pattern: "://.*:.*@" },
          // oxlint-disable-next-line unicorn/no-thenable -- the keyword of JSON Schema
          then: { const: "an address without a password: the Secret of redis.secretName has it" },
        },
      },
    },
  },
};

/** Kubernetes takes an autoscaler without metrics for one by 80 % of the processor time. */
const scaledBySomething = {
  properties: {
    relay: {
      properties: {
        autoscaling: {
          if: {
            properties: { enabled: { const: true } },
            not: {
              required: ["targetCPUUtilizationPercentage"],
              properties: { targetCPUUtilizationPercentage: { type: "integer" } },
            },
          },
          // oxlint-disable-next-line unicorn/no-thenable -- the keyword of JSON Schema
          then: { required: ["metrics"], properties: { metrics: { minItems: 1 } } },
        },
      },
    },
  },
};

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
  const { properties, ...rest } = requiringSections(withoutDefaultedRequired(schema));
  const whole = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of the Posthouse chart",
    ...rest,
    properties: {
      global: { type: "object", description: "Values of a parent chart; not used." },
      enabled: { type: "boolean", description: "For a parent chart's condition; not used." },
      ...properties,
    },
    allOf: [oneRelay, namedIssuer, noPassword, scaledBySomething],
  };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}

/**
 * With every section of the chart's own required: a value file in which one is empty, because all below it is commented out, takes
 * away its defaults too, and there is nothing to render.
 */
function requiringSections(schema: ValuesSchema): ValuesSchema {
  const { properties = {}, ...rest } = schema;
  const sections = Object.entries(properties).filter(([, field]) => isSection(field));
  if (sections.length === 0) return schema;
  return {
    ...rest,
    required: [...(schema.required ?? []), ...sections.map(([name]) => name)],
    properties: {
      ...properties,
      ...Object.fromEntries(sections.map(([name, field]) => [name, requiringSections(field)])),
    },
  };
}

function isSection({ properties, default: value }: ValuesSchema): boolean {
  return properties !== undefined && value === undefined;
}
