import { type Mailbox, parseMailbox } from "../session/address.ts";

/** The author of a message, or in words why there is not exactly one. */
export type ParsedFrom = { readonly mailbox: Mailbox } | { readonly fault: string };

type Token =
  | { readonly kind: "Text" | "Quoted" | "Space"; readonly text: string }
  | { readonly kind: "Special"; readonly text: string };

/**
 * Parses the unfolded value of a From field (RFC 5322 §3.4): one mailbox, `addr-spec` or `name <addr-spec>`, with
 * comments and quoted strings. Lists, groups and obsolete forms are refused: where readers disagree who the author is,
 * a message of one domain passes for that of another.
 */
export function parseFrom(value: string): ParsedFrom {
  const tokens = tokenize(value);
  if (tokens === undefined) return { fault: "it cannot be parsed" };
  const specials = tokens.filter(({ kind }) => kind === "Special").map(({ text }) => text);
  if (specials.includes(",")) return { fault: "it must hold exactly one address" };
  if (specials.some((text) => text === ":" || text === ";")) return { fault: "it must not hold a group or a route" };
  const open = tokens.findIndex(({ kind, text }) => kind === "Special" && text === "<");
  if (open < 0) return specials.includes(">") ? { fault: "it cannot be parsed" } : parseAddress(tokens);
  const close = tokens.findLastIndex(({ kind, text }) => kind === "Special" && text === ">");
  const name = tokens.slice(0, open);
  const rest = tokens.slice(close + 1);
  if (close < open || rest.some(({ kind }) => kind !== "Space")) return { fault: "it cannot be parsed" };
  if (name.some(({ kind }) => kind === "Special")) return { fault: "its display name must be quoted" };
  return parseAddress(tokens.slice(open + 1, close));
}

function parseAddress(tokens: readonly Token[]): ParsedFrom {
  const first = tokens.findIndex(({ kind }) => kind !== "Space");
  const last = tokens.findLastIndex(({ kind }) => kind !== "Space");
  const inner = first < 0 ? [] : tokens.slice(first, last + 1);
  const wrong = inner.some(({ kind, text }) => kind === "Space" || (kind === "Special" && text !== "@"));
  if (inner.length === 0) return { fault: "it holds no address" };
  if (wrong) return { fault: "it cannot be parsed" };
  const parsed = parseMailbox(inner.map(({ text }) => text).join(""));
  // RFC 2047 §5 forbids encoded words there; a reader that decodes them all the same sees another address.
  if ("mailbox" in parsed && parsed.mailbox.local.includes("=?")) return { fault: "its address holds an encoded word" };
  return parsed;
}

/** Splits a value into words, specials, quoted strings with their quotes, and space; a comment counts as space. */
function tokenize(value: string): readonly Token[] | undefined {
  const tokens: Token[] = [];
  let at = 0;
  while (at < value.length) {
    const token = quotedAt(value, at) ?? commentAt(value, at) ?? plainAt(value, at);
    if (token === undefined) return undefined;
    tokens.push(token.token);
    at = token.end;
  }
  return tokens;
}

interface Lexed {
  readonly token: Token;
  readonly end: number;
}

function quotedAt(value: string, at: number): Lexed | undefined {
  if (value[at] !== '"') return undefined;
  for (let i = at + 1; i < value.length; i++) {
    if (value[i] === "\\") i++;
    else if (value[i] === '"') return { token: { kind: "Quoted", text: value.slice(at, i + 1) }, end: i + 1 };
  }
  return undefined;
}

/** Comments nest (RFC 5322 §3.2.2). */
function commentAt(value: string, at: number): Lexed | undefined {
  if (value[at] !== "(") return undefined;
  let depth = 0;
  for (let i = at; i < value.length; i++) {
    if (value[i] === "\\") i++;
    else if (value[i] === "(") depth++;
    else if (value[i] === ")" && --depth === 0) return { token: { kind: "Space", text: " " }, end: i + 1 };
  }
  return undefined;
}

const plain: readonly (readonly [Token["kind"], RegExp])[] = [
  ["Space", /[ \t]+/y],
  ["Special", /[<>@,;:[\]]/y],
  // oxlint-disable-next-line eslint/no-control-regex -- words hold no control characters
  ["Text", /[^\u0000-\u0020\u007f<>@,;:[\]()"\\]+/y],
];

function plainAt(value: string, at: number): Lexed | undefined {
  for (const [kind, pattern] of plain) {
    pattern.lastIndex = at;
    const text = pattern.exec(value)?.[0];
    if (text !== undefined) return { token: { kind, text }, end: at + text.length };
  }
  return undefined;
}
