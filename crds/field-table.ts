import type { Rule } from "./dialect.ts";

/** What a field table reads of a JSON schema: of a structural one, or of the fleet file's. */
export interface FieldSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly patternProperties?: Readonly<Record<string, FieldSchema>>;
  readonly items?: FieldSchema;
  readonly anyOf?: readonly FieldSchema[];
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-validations"?: readonly Rule[];
}

/** A row of a field table. */
export interface Row {
  readonly path: string;
  readonly schema: FieldSchema;
  readonly required: boolean;
}

/** A Markdown table of a field and all fields below it: path, type, default, description with bounds and rules. */
export function fieldTable(root: Row): string {
  const lines = rowsBelow(root).map(
    ({ path, schema, required }) =>
      `| \`${path}\` | ${cell(typeOf(schema))} | ${defaultOf(schema, required)} | ${cell(describe(schema))} |`,
  );
  return ["| field | type | default | description and rules |", "| --- | --- | --- | --- |", ...lines].join("\n");
}

function rowsBelow(row: Row): Row[] {
  const { path, schema } = row;
  const below = schema.items ? inside(`${path}[]`, schema.items) : schema.type === "object" ? inside(path, schema) : [];
  return path === "" ? below : [row, ...below];
}

function inside(path: string, schema: FieldSchema): Row[] {
  const below = path === "" ? "" : `${path}.`;
  const named = Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    rowsBelow({ path: `${below}${name}`, schema: property, required: schema.required?.includes(name) ?? false }),
  );
  const free = Object.values(schema.patternProperties ?? {}).flatMap((property) =>
    rowsBelow({ path: `${below}<name>`, schema: property, required: false }),
  );
  return [...named, ...free];
}

function typeOf(schema: FieldSchema): string {
  if (schema.enum) return schema.enum.join(" \\| ");
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" \\| ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const items = schema.items;
  if (!items) return schema.format ?? schema.type ?? "any";
  const key = schema["x-kubernetes-list-map-keys"]?.join(", ");
  return key === undefined ? `list of ${typeOf(items)}` : `list, key \`${key}\``;
}

function defaultOf(schema: FieldSchema, required: boolean): string {
  if (schema.default !== undefined) return `\`${JSON.stringify(schema.default)}\``;
  return required ? "required" : "";
}

function describe(schema: FieldSchema): string {
  const parts = [schema.description ?? "", ...bounds(schema)];
  for (const { rule, message } of schema["x-kubernetes-validations"] ?? [])
    parts.push(`**Rule:** ${message} (\`${rule}\`).`);
  if (schema.items?.pattern !== undefined) parts.push(`Items match \`${schema.items.pattern}\`.`);
  return parts.join(" ");
}

function bounds(schema: FieldSchema): string[] {
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
