import { existsSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { admit } from "./admit.ts";
import { committedSchema, committedText, customKinds } from "./committed.ts";
import { fillDefaults } from "./defaults.ts";
import { generatedFiles } from "./generate.ts";
import { isJsonObject } from "./json-value.ts";
import { checkRule, costLimit, isTransitionRule } from "./rule-check.ts";
import { compileSchema } from "./schema-check.ts";
import type { StructuralSchema } from "./structural-schema.ts";

/** A schema and where it stands. */
interface Node {
  readonly path: string;
  readonly schema: StructuralSchema;
  /** Whether it, and everything around it, must be there. */
  readonly required: boolean;
  readonly property: boolean;
}

function nodesBelow(node: Node): Node[] {
  const { path, schema, required } = node;
  const properties = Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
    nodesBelow({
      path: `${path}.${name}`,
      schema: child,
      required: required && (schema.required?.includes(name) ?? false),
      property: true,
    }),
  );
  const items = schema.items
    ? nodesBelow({ path: `${path}[]`, schema: schema.items, required: false, property: false })
    : [];
  return [node, ...properties, ...items];
}

const nodes = customKinds.flatMap((kind) =>
  nodesBelow({ path: kind, schema: committedSchema(kind), required: true, property: false }),
);
/** What Kubernetes itself fills in: its schema is not ours to narrow. */
const isMeta = ({ path }: Node): boolean => /^[A-Za-z]+(\.(apiVersion|kind|metadata))?$/.test(path);
const ours = nodes.filter((node) => !isMeta(node));

const known: Record<string, readonly string[]> = {
  any: ["type", "description", "default", "x-kubernetes-validations"],
  object: ["properties", "required"],
  array: ["items", "minItems", "maxItems", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"],
  string: ["minLength", "maxLength", "pattern", "enum", "format"],
  integer: ["minimum", "maximum"],
  boolean: [],
};

/** The rules of structural schemas and of this house: each names the nodes that break it. */
const rulesOfSchemas: Record<string, (node: Node) => boolean> = {
  "says one known type, and no keyword that its type does not have (no const, anyOf, $ref, additionalProperties)": ({
    schema,
  }) => Object.keys(schema).every((key) => known["any"]!.includes(key) || known[schema.type]?.includes(key)),
  "has a description if it is a property": ({ schema, property }) => !property || (schema.description ?? "").length > 0,
  "bounds its length if it is a string": ({ schema }) =>
    schema.type !== "string" ||
    schema.enum !== undefined ||
    schema.maxLength !== undefined ||
    schema.format === "duration",
  "has a pattern that compiles, and anchors both ends": ({ schema: { pattern } }) =>
    pattern === undefined || (new RegExp(pattern, "u").source.startsWith("^") && pattern.endsWith("$")),
  "bounds its items, declares them, and says what kind of list it is": ({ schema }) =>
    schema.type !== "array" ||
    (schema.items !== undefined && schema.maxItems !== undefined && schema["x-kubernetes-list-type"] !== undefined),
  "has keys that its items require if it is a map, and scalars if it is a set": ({ schema }) => {
    const keys = schema["x-kubernetes-list-map-keys"];
    if (schema["x-kubernetes-list-type"] === "set") return keys === undefined && schema.items?.type === "string";
    return schema["x-kubernetes-list-type"] !== "map" || keys!.every((key) => schema.items?.required?.includes(key));
  },
  "requires only properties that are declared and have no default": ({ schema }) =>
    (schema.required ?? []).every((name) => schema.properties?.[name] && schema.properties[name].default === undefined),
  "declares properties if it is an object": ({ schema }) =>
    schema.type !== "object" || Object.keys(schema.properties ?? {}).length > 0,
  "has a default that is valid": ({ schema }) => {
    if (schema.default === undefined) return true;
    const around: StructuralSchema = { type: "object", properties: { value: schema } };
    return compileSchema(around)({ value: schema.default }).length === 0;
  },
  "has a default that says the defaults inside of it: the API server does not fill it before it evaluates rules on it":
    ({ schema }) => {
      const filled = structuredClone(schema.default);
      fillDefaults(filled, schema);
      return isDeepStrictEqual(filled, schema.default);
    },
  "is required, and all around it, if it is immutable: an optional field escapes through null": ({
    schema,
    required,
  }) => required || !(schema["x-kubernetes-validations"] ?? []).some(({ rule }) => isTransitionRule(rule)),
  "has CEL rules that parse, call core functions only, read declared fields and are cheap": ({ schema }) =>
    (schema["x-kubernetes-validations"] ?? []).every(({ rule }) => {
      const { problems, cost } = checkRule(rule, schema);
      return problems.length === 0 && cost < costLimit / 2;
    }),
  "has CEL rules with a message": ({ schema }) =>
    (schema["x-kubernetes-validations"] ?? []).every(({ message }) => message.length > 0),
};

describe("each schema of the committed CRDs", () => {
  test.each(Object.entries(rulesOfSchemas))("%s", (_, holds) => {
    expect(ours.filter((node) => !holds(node)).map(({ path }) => path)).toEqual([]);
  });

  test("was found: the walk saw the deepest fields", () => {
    expect(nodes.map(({ path }) => path)).toContain("RelayTenant.spec.environments[].credentials[].allowedSources[]");
  });
});

describe("the committed CRDs", () => {
  test("are what generate would write", () => {
    const stale = generatedFiles().filter(({ url, text }) => !existsSync(url) || readFileSync(url, "utf8") !== text);
    expect(stale.map(({ url }) => url.pathname)).toEqual([]);
  });

  test.each(customKinds)("%s is namespaced, has a status, and prints columns that exist", (kind) => {
    const crd: unknown = parse(committedText(kind));
    expect(crd).toMatchObject({
      apiVersion: "apiextensions.k8s.io/v1",
      spec: {
        group: "posthouse.dev",
        scope: "Namespaced",
        names: { kind, categories: ["posthouse"], shortNames: [kind === "RelayTenant" ? "rt" : "sd"] },
        versions: [{ name: "v1alpha1", served: true, storage: true, subresources: { status: {} } }],
      },
    });
    const columns = isJsonObject(crd)
      ? JSON.stringify(crd).matchAll(/"jsonPath":"\.((?:spec|status)\.[A-Za-z.]+)/g)
      : [];
    for (const [, path] of columns) {
      expect(nodes.map((node) => node.path)).toContain(`${kind}.${path?.replace(/\.$/, "")}`);
    }
  });

  test.each(customKinds)("%s fits into the annotation of a client-side apply", (kind) => {
    expect(JSON.stringify(parse(committedText(kind))).length).toBeLessThan(262_144 / 4);
  });

  test.each(customKinds)("a %s that nobody has seen yet has observedGeneration -1", (kind) => {
    const spec =
      kind === "RelayTenant"
        ? { allowance: { plan: "Pro", credits: { type: "Unlimited" } } }
        : { domain: "example.com", tenantRef: { name: "shop" } };
    const verdict = admit({ apiVersion: "posthouse.dev/v1alpha1", kind, metadata: { name: "a" }, spec });
    expect(verdict).toMatchObject({ object: { status: { observedGeneration: -1 } } });
  });
});
