/** A reply of a hop, as classification needs it (RFC 5321 §4.2). */
export interface RemoteReply {
  readonly code: number;
  /** As the hop gave it, such as `5.1.1`; undefined when it gave none. */
  readonly enhanced: string | undefined;
  /** Without codes, lines joined by a space. Still foreign text. */
  readonly text: string;
}

/** What a line of a reply begins with: a code, and perhaps an enhanced code (RFC 2034 §4). */
const linePattern = /^([0-9]{3})(?:[ -]|$)(?:([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$))?(.*)$/s;

/** Reads a reply of one or more lines; a text that is none gets code 0. */
export function parseReply(raw: string): RemoteReply {
  const lines = raw.split(/\r?\n/).map((line) => linePattern.exec(line));
  const first = lines[0];
  if (first === null || first === undefined) return { code: 0, enhanced: undefined, text: raw };
  const text = lines.map((line) => line?.[3]?.trim() ?? "").filter((part) => part !== "");
  return { code: Number(first[1]), enhanced: lines.find((line) => line?.[2] !== undefined)?.[2], text: text.join(" ") };
}

/** Whether a raw reply is positive: 2xx. */
export function isPositive(raw: string): boolean {
  return /^2[0-9]{2}/.test(raw);
}
