import { objectSchema } from "./definition.ts";
import type { Definition } from "./definition.ts";
import { fieldTable } from "./field-table.ts";
import { group, version } from "./group.ts";

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
    spec ? fieldTable({ path: "spec", schema: spec, required: true }) : "",
    `### ${kind} status`,
    "Written by Posthouse alone.",
    status ? fieldTable({ path: "status", schema: status, required: false }) : "",
  ];
}
