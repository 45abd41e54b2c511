/** One term of an SPF record (RFC 7208 §4.6.1), as far as its look-ups are concerned. */
export type SpfTerm =
  | { readonly kind: "All"; readonly text: string; readonly qualifier: SpfQualifier }
  /** `name` is undefined where a macro decides it. */
  | { readonly kind: "Include"; readonly text: string; readonly qualifier: SpfQualifier; readonly name?: string }
  | { readonly kind: "Redirect"; readonly text: string; readonly name?: string }
  /** Asks for addresses or mail exchangers of a name; without one, of the domain itself. */
  | { readonly kind: "A" | "MX"; readonly text: string; readonly name?: string; readonly own: boolean }
  /** Costs a look-up, whose answer depends on the message. */
  | { readonly kind: "Exists" | "PTR"; readonly text: string }
  | { readonly kind: "Address"; readonly text: string; readonly qualifier: SpfQualifier; readonly network: string }
  /** Another modifier: receivers pass over it. */
  | { readonly kind: "Other"; readonly text: string }
  /** No term of SPF: receivers give up at it (permerror). */
  | { readonly kind: "Fault"; readonly text: string };

export type SpfQualifier = "+" | "-" | "~" | "?";

/** The texts among TXT records that are SPF records (RFC 7208 §4.5). */
export function isSpf(text: string): boolean {
  return /^v=spf1( |$)/i.test(text);
}

/** The terms of an SPF record as they stand, without its version. */
export function termTexts(record: string): readonly string[] {
  return record
    .split(" ")
    .filter((term) => term !== "")
    .slice(1);
}

/** The terms of an SPF record. */
export function parseTerms(record: string): readonly SpfTerm[] {
  return termTexts(record).map(parseTerm);
}

function parseTerm(text: string): SpfTerm {
  const modifier = /^([a-z][a-z0-9._-]*)=(.*)$/i.exec(text);
  if (modifier) {
    if (modifier[1]?.toLowerCase() !== "redirect") return { kind: "Other", text };
    return withName({ kind: "Redirect", text }, modifier[2] ?? "");
  }
  const found = /^([-+~?]?)([a-z0-9]+)(?::(.*?))?((?:\/[0-9]+)?(?:\/\/[0-9]+)?)$/i.exec(text);
  if (found === null) return { kind: "Fault", text };
  const [, sign, word = "", argument, prefix = ""] = found;
  return mechanism({ text, qualifier: qualifierOf(sign), word: word.toLowerCase(), argument, prefix });
}

function qualifierOf(sign: string | undefined): SpfQualifier {
  return sign === "-" || sign === "~" || sign === "?" ? sign : "+";
}

interface Parts {
  readonly text: string;
  readonly qualifier: SpfQualifier;
  readonly word: string;
  readonly argument: string | undefined;
  readonly prefix: string;
}

function mechanism(parts: Parts): SpfTerm {
  return mechanisms.get(parts.word)?.(parts) ?? { kind: "Fault", text: parts.text };
}

/** What each word makes of its parts; undefined where they are not to it. */
const mechanisms = new Map<string, (parts: Parts) => SpfTerm | undefined>(
  Object.entries({
    all: ({ text, qualifier, argument, prefix }: Parts) =>
      prefix === "" && argument === undefined ? { kind: "All", text, qualifier } : undefined,
    include: ({ text, qualifier, argument = "", prefix }: Parts) =>
      prefix === "" ? withName({ kind: "Include", text, qualifier }, argument) : undefined,
    exists: ({ text, argument = "", prefix }: Parts) =>
      prefix === "" && argument !== "" ? { kind: "Exists", text } : undefined,
    ptr: ({ text, argument, prefix }: Parts) => (prefix === "" && argument !== "" ? { kind: "PTR", text } : undefined),
    a: (parts: Parts) => host(parts, "A"),
    mx: (parts: Parts) => host(parts, "MX"),
    ip4: address,
    ip6: address,
  }),
);

function host({ text, argument, prefix }: Parts, kind: "A" | "MX"): SpfTerm {
  const [, four, six] = /^(?:\/([0-9]+))?(?:\/\/([0-9]+))?$/.exec(prefix) ?? [];
  if (Number(four ?? 0) > 32 || Number(six ?? 0) > 128) return { kind: "Fault", text };
  if (argument === undefined) return { kind, text, own: true };
  return withName({ kind, text, own: false }, argument);
}

/** A network of `ip4:` or `ip6:`; whether the address is one is left to who uses it, apart from its look. */
function address({ text, qualifier, word, argument = "", prefix }: Parts): SpfTerm {
  const network = argument + prefix;
  const looks =
    word === "ip4"
      ? /^[0-9]{1,3}(\.[0-9]{1,3}){3}(\/([0-9]|[12][0-9]|3[0-2]))?$/.test(network)
      : /^[0-9a-f:.]*:[0-9a-f:.]*(\/([0-9]{1,2}|1[01][0-9]|12[0-8]))?$/i.test(network);
  return looks ? { kind: "Address", text, qualifier, network } : { kind: "Fault", text };
}

/** Adds the name that a term asks about; none where a macro stands in it, and a fault where it cannot be a name. */
function withName(term: Extract<SpfTerm, { name?: string }>, spec: string): SpfTerm {
  if (spec.includes("%")) return term;
  const name = spec.toLowerCase().replace(/\.$/, "");
  const sound = name.length <= 253 && /^[^.]{1,63}(\.[^.]{1,63})+$/.test(name) && /^[\x21-\x7e]+$/.test(name);
  return sound ? { ...term, name } : { kind: "Fault", text: term.text };
}
