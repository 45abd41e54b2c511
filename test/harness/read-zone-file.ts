/** A TXT record of a zone file; each character string in hex. */
export interface ReadRecord {
  readonly name: string;
  readonly strings: readonly string[];
}

/**
 * Reads TXT records out of a zone file by RFC 1035 §5.1: comments, quoted strings, `\X` and `\DDD`; no parentheses.
 * Written for tests, without a look at the writer, and throws at whatever it does not know. `longest`: octets of a string.
 */
export function readZoneFile(text: string, longest = 255): readonly ReadRecord[] {
  // One character an octet from here on.
  const lines = Buffer.from(text, "utf8").toString("latin1").split("\n").map(tokensOf);
  return lines
    .filter((tokens) => tokens.length > 0)
    .map((tokens) => {
      const [name = "", ttl = "", klass, type, ...strings] = tokens;
      if (!/^[0-9]+$/.test(ttl) || klass !== "IN" || type !== "TXT" || strings.length === 0)
        throw new Error(`no TXT record: ${JSON.stringify(tokens)}`);
      if (!name.endsWith(".")) throw new Error(`a relative name: ${name}`);
      if (strings.some((each) => each.length > longest)) throw new Error(`a string of more than ${longest} octets`);
      return { name: name.slice(0, -1), strings: strings.map((each) => Buffer.from(each, "latin1").toString("hex")) };
    });
}

/** A comment, white space, a quoted string, or a word; a backslash takes what follows it along. */
const token = /;.*|[ \t\r]+|"((?:[^"\\]|\\[^])*)"|((?:[^\s;()"\\]|\\[^])+)/y;

function tokensOf(line: string): readonly string[] {
  const tokens: string[] = [];
  for (let at = 0; at < line.length; at = token.lastIndex) {
    token.lastIndex = at;
    const found = token.exec(line);
    if (found === null) throw new Error(`not to be read: ${line.slice(at)}`);
    const content = found[1] ?? found[2];
    if (content !== undefined) tokens.push(unescape(content));
  }
  return tokens;
}

function unescape(content: string): string {
  return content.replaceAll(/\\([0-9]{3}|[^])/g, (_, what: string) => {
    if (Number(what) > 255) throw new Error(`no octet: ${what}`);
    return what.length === 3 ? String.fromCharCode(Number(what)) : what;
  });
}
