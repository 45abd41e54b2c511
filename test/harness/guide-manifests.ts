import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import type { Rendered } from "./chart.ts";

const guides = new URL("../../docs/guides/", import.meta.url);

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
