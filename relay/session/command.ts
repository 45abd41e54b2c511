import { type Mailbox, parseMailbox } from "./address.ts";
import type { Reply } from "./reply.ts";
import * as replies from "./replies.ts";

/** A MAIL command (RFC 5321 §4.1.1.2) with the parameters of SIZE, 8BITMIME, SMTPUTF8 and AUTH. */
export interface MailCommand {
  /** Undefined for the null reverse-path. */
  readonly sender: Mailbox | undefined;
  /** Octets that the client announced (RFC 1870). */
  readonly size: number | undefined;
  readonly smtpUtf8: boolean;
}

/** A RCPT command (RFC 5321 §4.1.1.3). */
export interface RcptCommand {
  readonly recipient: Mailbox;
}

interface PathCommand {
  /** Between the angle brackets. */
  readonly path: string;
  /** Names in upper case; a parameter without a value has "". */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Parses a MAIL command line without its CRLF; a refusal is the reply to it. `maxSize` is the SIZE that EHLO told. */
export function parseMail(
  line: Uint8Array,
  maxSize: number,
): { readonly command: MailCommand } | { readonly refusal: Reply } {
  const parsed = parsePath(line, "MAIL FROM", replies.syntaxMail);
  if ("refusal" in parsed) return parsed;
  const { path, parameters } = parsed;
  const refusal = refuseMailParameters(parameters, maxSize);
  if (refusal !== undefined) return { refusal };
  const smtpUtf8 = parameters.has("SMTPUTF8");
  const announced = parameters.get("SIZE");
  const size = announced === undefined ? undefined : Number(announced);
  if (path === "") return { command: { sender: undefined, size, smtpUtf8 } };
  const address = parseMailbox(path);
  if ("fault" in address) return { refusal: replies.badSender(address.fault) };
  if (address.mailbox.nonAscii && !smtpUtf8) return { refusal: replies.senderNeedsSmtpUtf8 };
  return { command: { sender: address.mailbox, size, smtpUtf8 } };
}

/** Parses a RCPT command line without its CRLF. `smtpUtf8` is what the MAIL command asked for. */
export function parseRcpt(
  line: Uint8Array,
  smtpUtf8: boolean,
): { readonly command: RcptCommand } | { readonly refusal: Reply } {
  const parsed = parsePath(line, "RCPT TO", replies.syntaxRcpt);
  if ("refusal" in parsed) return parsed;
  for (const name of parsed.parameters.keys()) return { refusal: replies.unknownParameter(name) };
  const address = parseMailbox(parsed.path);
  if ("fault" in address) return { refusal: replies.badRecipient(address.fault) };
  if (address.mailbox.nonAscii && !smtpUtf8) return { refusal: replies.recipientNeedsSmtpUtf8 };
  return { command: { recipient: address.mailbox } };
}

/** RFC 3461 §4. */
const xtext = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})+$/;

function refuseMailParameters(parameters: ReadonlyMap<string, string>, maxSize: number): Reply | undefined {
  for (const [name, value] of parameters) {
    switch (name) {
      case "SIZE":
        if (!/^[0-9]{1,20}$/.test(value)) return replies.badParameter(name);
        if (Number(value) > maxSize) return replies.tooLarge(maxSize);
        break;
      case "BODY":
        if (!/^(7BIT|8BITMIME)$/i.test(value)) return replies.badParameter(name);
        break;
      case "SMTPUTF8":
        if (value !== "") return replies.badParameter(name);
        break;
      case "AUTH":
        // Who first submitted it: we trust nobody's word, which is what <> says (RFC 4954 §5).
        if (value !== "<>" && !xtext.test(value)) return replies.badParameter(name);
        break;
      default:
        return replies.unknownParameter(name);
    }
  }
  return undefined;
}

/**
 * `<verb>:<path> parameters`. White space behind the colon is no syntax of RFC 5321, but old clients write it. A quoted
 * local part may hold `>` and spaces, so the path ends at the first `>` outside of quotes.
 */
function parsePath(line: Uint8Array, verb: string, syntax: Reply): PathCommand | { readonly refusal: Reply } {
  const text = decode(line);
  if (text === undefined) return { refusal: syntax };
  const match = /^([A-Za-z]+ +[A-Za-z]+): *<((?:"(?:[^"\\]|\\.)*"|[^"<>])*)>(?: +(.*))?$/s.exec(text.trimEnd());
  if (match === null || (match[1] ?? "").replace(/ +/, " ").toUpperCase() !== verb) return { refusal: syntax };
  const parameters = new Map<string, string>();
  for (const word of (match[3] ?? "").split(/ +/).filter((part) => part !== "")) {
    const [, name, value] = /^([A-Za-z0-9][A-Za-z0-9-]{0,31})(?:=([!-<>-~]+))?$/.exec(word) ?? [];
    if (name === undefined) return { refusal: syntax };
    const key = name.toUpperCase();
    if (parameters.has(key)) return { refusal: replies.duplicateParameter(key) };
    parameters.set(key, value ?? "");
  }
  return { path: match[2] ?? "", parameters };
}

/** The line as UTF-8 text; undefined when it is not that, or holds control characters. */
function decode(line: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
    // oxlint-disable-next-line eslint/no-control-regex -- control characters are what it looks for
    return /[\u0000-\u001f\u007f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
