import { domainToASCII, domainToUnicode } from "node:url";

/** A mailbox of the envelope (RFC 5321 §4.1.2), as the relay uses it. */
export interface Mailbox {
  /** The local part as given, with its quotes if it has any: case and form are the receiver's. */
  readonly local: string;
  /** Lower-case A-labels. */
  readonly domain: string;
  /** `local@domain`. */
  readonly address: string;
  /** The local part is not ASCII: every hop must offer SMTPUTF8. */
  readonly needsSmtpUtf8: boolean;
  /** Something of it was written in other characters than ASCII: the client must have asked for SMTPUTF8. */
  readonly nonAscii: boolean;
}

/** A mailbox, or why it is refused, in words for the reply. */
export type ParsedMailbox = { readonly mailbox: Mailbox } | { readonly fault: string };

const longestLocal = 64;
const longestDomain = 255;
/** RFC 5321 §4.5.3.1.3: 256 octets of path with its angle brackets. */
const longestAddress = 254;

/** RFC 5321 `Dot-string`, with UTF-8 as RFC 6531 §3.3 adds it. `%` and `!` are ordinary characters: nothing is routed by them. */
const dotString =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+)*$/u;
/** RFC 5321 `Quoted-string`: printable ASCII, `"` and `\` only behind a backslash. */
const quotedString = /^"([ !#-[\]-~\u0080-\u{10ffff}]|\\[ -~])*"$/u;
/** C1 controls, and characters that show nothing: they forge logs and addresses. */
const invisible = /[\u0080-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff]/u;
/** Letters, digits, hyphens and dots, of any script: what else a browser's parser would cut off or decode is refused. */
const domainText = /^[A-Za-z0-9.\u0080-\u{10ffff}-]+$/u;
const domainLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Parses `local@domain`, the text between the angle brackets of a path. Source routes, address literals and addresses
 * without a domain are refused: this relay serves no mailboxes of its own, and delivers to domains only.
 */
export function parseMailbox(text: string): ParsedMailbox {
  if (text.startsWith("@")) return { fault: "source routes are not accepted" };
  const at = text.startsWith('"') ? text.indexOf("@", closingQuote(text)) : text.indexOf("@");
  if (at < 0) return { fault: "it has no domain" };
  const local = text.slice(0, at);
  const fault = faultOfLocal(local);
  if (fault !== undefined) return { fault };
  const domain = parseDomain(text.slice(at + 1));
  if (typeof domain !== "string") return domain;
  const address = `${local}@${domain}`;
  if (Buffer.byteLength(address) > longestAddress) return { fault: "it is too long" };
  return { mailbox: { local, domain, address, needsSmtpUtf8: !isAscii(local), nonAscii: !isAscii(text) } };
}

/** A domain name in lower-case A-labels, or why it is refused. U-labels are converted (RFC 5891). */
export function parseDomain(text: string): string | { readonly fault: string } {
  if (text === "") return { fault: "it has no domain" };
  if (text.startsWith("[")) return { fault: "address literals are not accepted" };
  if (Buffer.byteLength(text) > longestDomain || !domainText.test(text) || invisible.test(text))
    return { fault: "its domain is not valid" };
  const labels = text.split(".").map(toALabel);
  const ascii = labels.join(".");
  const last = labels.at(-1) ?? "";
  if (ascii.length > 253 || !labels.every((label) => domainLabel.test(label)))
    return { fault: "its domain is not valid" };
  if (labels.length < 2) return { fault: "its domain is not fully qualified" };
  if (/^[0-9]+$/.test(last)) return { fault: "its domain is not valid" };
  return ascii;
}

/**
 * The A-label of an ASCII label or a U-label, in lower case; "" when it is neither. domainToASCII reads a host as
 * browsers do: numbers become addresses, what looks like a letter becomes that letter. Only what comes back unchanged
 * but for its case names the same domain to every reader.
 */
function toALabel(label: string): string {
  if (isAscii(label)) return label.toLowerCase();
  const ascii = domainToASCII(label);
  return ascii.startsWith("xn--") && domainToUnicode(ascii) === label.toLowerCase().normalize("NFC") ? ascii : "";
}

/** Every character is of US-ASCII. */
export function isAscii(text: string): boolean {
  // oxlint-disable-next-line eslint/no-control-regex -- the range of US-ASCII begins with controls
  return /^[\u0000-\u007f]*$/.test(text);
}

function faultOfLocal(local: string): string | undefined {
  if (local === "") return "it has no local part";
  if (Buffer.byteLength(local) > longestLocal) return "its local part is too long";
  if (invisible.test(local)) return "its local part is not valid";
  return dotString.test(local) || quotedString.test(local) ? undefined : "its local part is not valid";
}

/** Offset of the quote that closes a quoted local part; the length of the text if none does. */
function closingQuote(text: string): number {
  for (let i = 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === '"') return i;
  }
  return text.length;
}
