import { readFileSync } from "node:fs";

const root = new URL("../../", import.meta.url);

/** The commands of a section of README.md or another file, in their order: what stands behind `$ `, with the lines that it goes on in. Throws when there is none. */
export function readmeCommands(heading: string, file = "README.md"): readonly string[] {
  const [, section = ""] = `${readFileSync(new URL(file, root), "utf8")}\n## `.split(`\n## ${heading}\n`);
  const [body = ""] = section.split("\n## ");
  const blocks = [...body.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  const commands = [...blocks.join("").matchAll(/^\$ ((?:.*\\\n)*.*)$/gm)].map(([, command = ""]) => command);
  if (commands.length === 0) throw new Error(`${file} has no commands below "${heading}"`);
  return commands;
}
