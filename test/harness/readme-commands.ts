import { readFileSync } from "node:fs";

const readme = new URL("../../README.md", import.meta.url);

/** The commands of a section of README.md, in their order: what stands behind `$ `, with the lines that it goes on in. Throws when there is none. */
export function readmeCommands(heading: string): readonly string[] {
  const [, section = ""] = `${readFileSync(readme, "utf8")}\n## `.split(`\n## ${heading}\n`);
  const [body = ""] = section.split("\n## ");
  const blocks = [...body.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  const commands = [...blocks.join("").matchAll(/^\$ ((?:.*\\\n)*.*)$/gm)].map(([, command = ""]) => command);
  if (commands.length === 0) throw new Error(`README.md has no commands below "${heading}"`);
  return commands;
}
