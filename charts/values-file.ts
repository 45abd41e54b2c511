import { stringify } from "yaml";
import type { ValuesSchema } from "./json-schema.ts";

const width = 110;

/** values.yaml: every value with its default, and above it what it is. */
export function valuesFile(schema: ValuesSchema): string {
  const head = "# Generated from charts/values.ts by `npm run generate`; changes made here are lost.\n";
  return `${head}\n${fields(schema, "").join("\n")}`;
}

function fields(schema: ValuesSchema, indent: string): string[] {
  return Object.entries(schema.properties ?? {}).map(([name, field]) => entry(name, field, indent));
}

function entry(name: string, field: ValuesSchema, indent: string): string {
  const about = wrap(`${field.description ?? ""}${choices(field)}`, width - indent.length - 2);
  const comment = about.map((line) => `${indent}# ${line}\n`).join("");
  if (field.default === undefined && field.properties !== undefined)
    return `${comment}${indent}${name}:\n${fields(field, `${indent}  `).join("")}`;
  return comment + lines(stringify({ [name]: field.default ?? null }, { lineWidth: 0 }), indent);
}

/** The words that a value may be are worth knowing where it is set. */
function choices({ enum: words }: ValuesSchema): string {
  return words === undefined ? "" : ` (${words.join(", ")})`;
}

function lines(yaml: string, indent: string): string {
  return yaml.replaceAll(/^(?=.)/gm, indent);
}

function wrap(text: string, columns: number): string[] {
  const done: string[] = [];
  for (const word of text.split(" ")) {
    const last = done.at(-1);
    if (last === undefined || last.length + 1 + word.length > columns) done.push(word);
    else done[done.length - 1] = `${last} ${word}`;
  }
  return done;
}
