import { stat } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { mergeFiles } from "../cluster/folder/merge.ts";
import type { Merged } from "../cluster/folder/merge.ts";
import { parseManifests, unreadableFile } from "../cluster/folder/parse-manifests.ts";
import type { ParsedFile } from "../cluster/folder/parse-manifests.ts";
import { inOrder, problemText } from "../cluster/folder/problem.ts";
import type { Problem } from "../cluster/folder/problem.ts";
import { listManifests, readManifest, reasonOf, whyUnreadable } from "../cluster/folder/scan.ts";
import { exitCode, palette } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

/** Where `validate` writes, and what `-` reads: standard input by default. */
export interface ValidateTerminal extends Pick<Terminal, "out" | "json" | "color"> {
  readonly stdin?: AsyncIterable<Uint8Array | string>;
}

/**
 * Checks manifests as the API server would: `posthouse validate FILE...`. Paths are files, folders, or `-` for standard
 * input. Prints one line a problem and a summary, or one JSON document. Resolves to 0 if all is good, 1 if not, and 2
 * if something cannot be read or there is no manifest at all.
 */
export async function validateFiles(paths: readonly string[], terminal: ValidateTerminal): Promise<number> {
  const read = await Promise.all([...new Set(paths)].map((path) => readPath(path, terminal)));
  const files = new Map(read.flat());
  const { objects, problems } = mergeFiles([...files].map(([file, parsed]) => ({ file, parsed, kept: [] })));
  const sorted = inOrder(problems);
  if (terminal.json) {
    terminal.out(JSON.stringify({ files: files.size, objects: objects.size, problems: sorted }, undefined, 2));
  } else {
    for (const line of lines({ objects, problems: sorted }, files.size, terminal)) terminal.out(line);
  }
  const unreadable = problems.some(({ rule }) => rule === "unreadable") || files.size === 0;
  if (unreadable) return exitCode.usage;
  return problems.length > 0 || objects.size === 0 ? exitCode.failed : exitCode.ok;
}

/** What a path leads to: each file by name, parsed or with the reason why it can't be read. */
async function readPath(path: string, terminal: ValidateTerminal): Promise<readonly (readonly [string, ParsedFile])[]> {
  if (path === "-") return [["stdin", parseManifests("stdin", await text(terminal.stdin ?? process.stdin))]];
  try {
    if (!(await stat(path)).isDirectory()) return [[path, parsedFile(path, await readManifest("", path))]];
  } catch (error) {
    const missing = "ENOENT, there is no such file or folder";
    const why = reasonOf(error) === "ENOENT" ? missing : whyUnreadable(error);
    return [[path, unreadableFile(path, `cannot be read: ${why}`)]];
  }
  const { files, unreadable } = await listManifests(path);
  const read = files.map(async ({ file }) => {
    const name = join(path, file);
    return [name, parsedFile(name, await readManifest("", name))] as const;
  });
  const hidden = [...unreadable].map(([file, reason]) => {
    const name = join(path, file);
    return [name, unreadableFile(name, `cannot be read: ${reason}`)] as const;
  });
  return [...(await Promise.all(read)), ...hidden];
}

function parsedFile(name: string, content: string | ParsedFile): ParsedFile {
  return typeof content === "string" ? parseManifests(name, content) : content;
}

function lines({ objects, problems }: Merged, files: number, terminal: ValidateTerminal): readonly string[] {
  const { red, green, yellow } = palette(terminal);
  const total = `${count(objects.size, "object")} in ${count(files, "file")}`;
  if (problems.length > 0)
    return [...problems.map(problemLine(terminal)), red(`${count(problems.length, "problem")}; ${total} good`)];
  return [objects.size > 0 ? green(`${total}, all good`) : yellow(`no manifests found: ${total}`)];
}

function problemLine(terminal: ValidateTerminal): (problem: Problem) => string {
  const { bold } = palette(terminal);
  return (problem) => {
    const place = `${problem.file}:${problem.line}:${problem.column}`;
    return bold(place) + problemText(problem).slice(place.length);
  };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
