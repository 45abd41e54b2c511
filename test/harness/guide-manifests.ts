import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import type { Rendered } from "./chart.ts";

const guides = new URL("../../docs/guides/", import.meta.url);

/** A section of a guide: what its reader types, and what stands in the files that are shown. Throws when there is none of that title. */
export function sectionOfGuide(
  name: string,
  title: string,
): { readonly text: string; readonly commands: readonly string[]; readonly files: readonly string[] } {
  const text = readFileSync(new URL(`${name}.md`, guides), "utf8");
  const section = text.split(/^## /m).find((each) => each.startsWith(`${title}\n`));
  if (section === undefined) throw new Error(`${name}.md has no section ${title}`);
  return {
    text: section,
    commands: [...section.matchAll(/^\$ (.*)$/gm)].map(([, command = ""]) => command),
    files: [...section.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, file = ""]) => file),
  };
}

/** What a guide shows as YAML: objects, and values of the chart. Throws when it is none. */
export function yamlOfGuide(name: string): {
  readonly objects: readonly Rendered[];
  readonly values: readonly object[];
} {
  const text = readFileSync(new URL(`${name}.md`, guides), "utf8");
  const shown = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(([, block = ""]) =>
    parseAllDocuments(block).map((document): Rendered => {
      if (document.errors[0] !== undefined) throw document.errors[0];
      return document.toJS();
    }),
  );
  return {
    objects: shown.filter(({ kind }) => kind !== undefined),
    values: shown.filter(({ kind }) => kind === undefined),
  };
}
