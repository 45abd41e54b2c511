/** A block `type "label" "label" { name = value }` of HCL. */
export interface ReadBlock {
  readonly type: string;
  readonly labels: readonly string[];
  readonly attributes: Readonly<Record<string, HclValue>>;
}

export type HclValue = string | number | readonly HclValue[];

/**
 * Reads as much of HCL's native syntax as resources of strings, numbers and lists take: blocks, attributes, comments,
 * quoted templates without interpolation. Written for tests, after the language's specification and without a look at
 * the writer; a template that would be evaluated is an error.
 */
export function readHcl(text: string): readonly ReadBlock[] {
  const reader = { text, at: 0 };
  const blocks: ReadBlock[] = [];
  for (skip(reader); reader.at < text.length; skip(reader)) blocks.push(block(reader));
  return blocks;
}

interface Reader {
  readonly text: string;
  at: number;
}

function block(reader: Reader): ReadBlock {
  const type = take(reader, identifier);
  const labels: string[] = [];
  while (next(reader) === '"') labels.push(quoted(reader));
  take(reader, /\{/y);
  const attributes: Record<string, HclValue> = {};
  while (next(reader) !== "}") {
    const name = take(reader, identifier);
    take(reader, /=/y);
    if (name in attributes) throw new Error(`${name} twice`);
    attributes[name] = value(reader);
  }
  take(reader, /\}/y);
  return { type, labels, attributes };
}

const identifier = /[A-Za-z_][A-Za-z0-9_-]*/y;

function value(reader: Reader): HclValue {
  const first = next(reader);
  if (first === '"') return quoted(reader);
  if (first !== "[") return Number(take(reader, /[0-9]+/y));
  take(reader, /\[/y);
  const values: HclValue[] = [];
  while (next(reader) !== "]") {
    values.push(value(reader));
    if (next(reader) !== "]") take(reader, /,/y);
  }
  take(reader, /\]/y);
  return values;
}

const plainEscapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\" };

/**
 * A part of a quoted template: a doubled sign before a brace, an escape, or a character. What three signs before a brace
 * mean is not specified, so that nobody may write them; one sign is a template.
 */
const part = /(\$\$\{|%%\{)|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\([nrt"\\])|(?![$%]+\{)([^"\\\n\r])/uy;

function quoted(reader: Reader): string {
  take(reader, /"/y);
  let read = "";
  while (reader.text.charAt(reader.at) !== '"') {
    part.lastIndex = reader.at;
    const found = part.exec(reader.text);
    if (found === null) throw new Error(`no string: ${reader.text.slice(reader.at, reader.at + 20)}`);
    const [all, doubled, short, long, plain = "", character] = found;
    const code = short ?? long;
    read += doubled?.slice(1) ?? character ?? (code ? String.fromCodePoint(parseInt(code, 16)) : plainEscapes[plain]);
    reader.at += all.length;
  }
  take(reader, /"/y);
  return read;
}

/** The next character that counts. */
function next(reader: Reader): string {
  skip(reader);
  return reader.text.charAt(reader.at);
}

function skip(reader: Reader): void {
  const blank = /(\s|#[^\n]*|\/\/[^\n]*)*/y;
  blank.lastIndex = reader.at;
  reader.at += blank.exec(reader.text)?.[0].length ?? 0;
}

/** Takes what a sticky pattern finds next, white space before it aside. */
function take(reader: Reader, wanted: RegExp): string {
  if (wanted.source !== '"') skip(reader);
  wanted.lastIndex = reader.at;
  const found = wanted.exec(reader.text)?.[0];
  if (found === undefined) throw new Error(`${wanted.source} wanted: ${reader.text.slice(reader.at, reader.at + 20)}`);
  reader.at += found.length;
  return found;
}
