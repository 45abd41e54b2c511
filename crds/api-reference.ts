import { objectSchema } from "./definition.ts";
import type { Definition } from "./definition.ts";
import { group, version } from "./group.ts";
import type { StructuralSchema } from "./structural-schema.ts";

/** A row of a field table. */
interface Row {
  readonly path: string;
  readonly schema: StructuralSchema;
  readonly required: boolean;
}

/** The API reference as Markdown: one table of fields for the spec and one for the status of each kind. */
export function apiReference(definitions: readonly Definition[]): string {
  const head = [
    "<!-- Generated from crds/*.ts by `npm run generate`; changes made here are lost. -->",
    "# API reference",
    `Every kind of \`${group}/${version}\`. All are namespaced. Fields that are not listed are errors.`,
    "A field with a default may be left out; `key` marks what names an item of a list. Rules are CEL.",
  ];
  return `${[...head, ...definitions.flatMap(kindSection)].join("\n\n")}\n`;
}

function kindSection(definition: Definition): string[] {
  const { spec, status } = objectSchema(definition).properties ?? {};
  const { kind, plural, shortName, description } = definition;
  return [
    `## ${kind}`,
    description,
    `Plural \`${plural}\`, short name \`${shortName}\`, category \`posthouse\`.`,
    `### ${kind} spec`,
    spec ? table({ path: "spec", schema: spec, required: true }) : "",
    `### ${kind} status`,
    "Written by Posthouse alone.",
    status ? table({ path: "status", schema: status, required: false }) : "",
  ];
}

function table(root: Row): string {
  const lines = rowsBelow(root).map(
    ({ path, schema, required }) =>
      `| \`${path}\` | ${cell(typeOf(schema))} | ${defaultOf(schema, required)} | ${cell(describe(schema))} |`,
  );
  return ["| field | type | default | description and rules |", "| --- | --- | --- | --- |", ...lines].join("\n");
}

function rowsBelow(row: Row): Row[] {
  const { path, schema } = row;
  const below = schema.items ? inside(`${path}[]`, schema.items) : schema.type === "object" ? inside(path, schema) : [];
  return [row, ...below];
}

function inside(path: string, schema: StructuralSchema): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    rowsBelow({ path: `${path}.${name}`, schema: property, required: schema.required?.includes(name) ?? false }),
  );
}

function typeOf(schema: StructuralSchema): string {
  if (schema.enum) return schema.enum.join(" \\| ");
  const items = schema.items;
  if (!items) return schema.format ?? schema.type;
  const key = schema["x-kubernetes-list-map-keys"]?.join(", ");
  return key === undefined ? `list of ${typeOf(items)}` : `list, key \`${key}\``;
}

function defaultOf(schema: StructuralSchema, required: boolean): string {
  if (schema.default !== undefined) return `\`${JSON.stringify(schema.default)}\``;
  return required ? "required" : "";
}

function describe(schema: StructuralSchema): string {
  const parts = [schema.description ?? "", ...bounds(schema)];
  for (const { rule, message } of schema["x-kubernetes-validations"] ?? [])
    parts.push(`**Rule:** ${message} (\`${rule}\`).`);
  if (schema.items?.pattern !== undefined) parts.push(`Items match \`${schema.items.pattern}\`.`);
  return parts.join(" ");
}

function bounds(schema: StructuralSchema): string[] {
  return [
    ...range(schema.minimum, schema.maximum, ""),
    ...(schema.format ? [] : range(schema.minLength, schema.maxLength, " characters")),
    ...range(schema.minItems, schema.maxItems, " items"),
    ...(schema.pattern === undefined ? [] : [`Matches \`${schema.pattern}\`.`]),
  ];
}

function range(low: number | undefined, high: number | undefined, unit: string): string[] {
  if (low !== undefined && high !== undefined) return [`${low} to ${high}${unit}.`];
  if (high !== undefined) return [`At most ${high}${unit}.`];
  return low === undefined ? [] : [`At least ${low}${unit}.`];
}

/** Text inside a table cell: a bare `|` would end it. */
function cell(text: string): string {
  return text.replaceAll("\n", " ").replaceAll(/(?<!\\)\|/g, "\\|");
}
