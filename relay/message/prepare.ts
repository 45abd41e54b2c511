import { isAscii, isUtf8 } from "node:buffer";
import { type Refusal, refuse } from "../decision/verdict.ts";
import * as replies from "../session/replies.ts";
import { parseFrom } from "./from.ts";
import { fieldText, findRepeated, type HeaderField, type HeaderSection, parseHeader } from "./headers.ts";
import { mailDate, receivedField, type Trace } from "./trace.ts";

/** A message as it is spooled, signed and sent. */
export interface Prepared {
  readonly kind: "Prepared";
  readonly content: Buffer;
  /** Without angle brackets. */
  readonly messageId: string;
  /** Domain of the From address, in lower-case A-labels. */
  readonly fromDomain: string;
  /** The content holds octets over 127. */
  readonly eightBit: boolean;
  /** The header holds octets over 127: every hop must offer SMTPUTF8. */
  readonly smtpUtf8: boolean;
}

/** More Received fields than this are a loop (RFC 5321 §6.3). */
const mostHops = 35;
/** Fields that must not reach a recipient: the hidden recipients, and a trace field that only the last hop writes. */
const removed: ReadonlySet<string> = new Set(["bcc", "resent-bcc", "return-path"]);
const longestMessageId = 512;
const emptyLine = Buffer.from("\r\n");

/**
 * Makes a submitted message, whose lines are known to end in CRLF, fit to be sent (RFC 6409 §8): checks its header,
 * removes Bcc and Return-Path, adds Received, and Date and Message-ID where missing. All other bytes stay as they are,
 * here and in every later step: signatures cover them.
 */
export function prepare(submitted: Buffer, trace: Trace): Prepared | Refusal {
  const header = parseHeader(submitted);
  if ("fault" in header) return refuseContent("MalformedHeader", header.fault);
  const refusal = refuseHeader(submitted, header, trace.smtpUtf8);
  if (refusal !== undefined) return refusal;

  const from = find(header, "from");
  if (from === undefined) return refuseContent("NoFrom", "it has no From header field");
  const author = parseFrom(fieldText(submitted, from));
  if ("fault" in author) return refuseContent("BadFrom", `From header field: ${author.fault}`);

  const { domain } = author.mailbox;
  const givenId = messageIdOf(submitted, find(header, "message-id"));
  const messageId = givenId ?? `${trace.queueId}@${domain}`;
  const added = [
    receivedField(trace),
    find(header, "date") === undefined ? `Date: ${mailDate(trace.now)}\r\n` : "",
    givenId === undefined ? `Message-ID: <${messageId}>\r\n` : "",
  ].join("");
  const drop = (name: string): boolean => removed.has(name) || (name === "message-id" && givenId === undefined);
  const content = Buffer.concat([Buffer.from(added), ...keptParts(submitted, header, drop)]);
  return {
    kind: "Prepared",
    content,
    messageId: messageId.slice(0, longestMessageId),
    fromDomain: domain,
    eightBit: !isAscii(submitted),
    smtpUtf8: !isAscii(submitted.subarray(0, header.end)),
  };
}

function refuseHeader(content: Buffer, header: HeaderSection, smtpUtf8: boolean): Refusal | undefined {
  const repeated = findRepeated(header);
  if (repeated !== undefined)
    return refuseContent("RepeatedField", `it has more than one ${repeated} header field (RFC 5322 section 3.6)`);
  const hops = header.fields.filter(({ name }) => name === "received").length;
  if (hops > mostHops) return refuse(replies.routingLoop(hops), "RoutingLoop");
  const bytes = content.subarray(0, header.end);
  if (isAscii(bytes)) return undefined;
  if (!isUtf8(bytes)) return refuseContent("HeaderNotUtf8", "its header is neither ASCII nor UTF-8");
  return smtpUtf8 ? undefined : refuse(replies.contentNeedsSmtpUtf8, "NeedsSmtpUtf8");
}

/** The id that the client gave, without angle brackets; undefined when there is none worth keeping. */
function messageIdOf(content: Buffer, field: HeaderField | undefined): string | undefined {
  if (field === undefined) return undefined;
  return /^<([!-;=?-~\u0080-\u{10ffff}]+)>$/u.exec(fieldText(content, field))?.[1];
}

/** The submitted bytes but the dropped fields; an empty line ends the header even when there is no body. */
function keptParts(content: Buffer, header: HeaderSection, drop: (name: string) => boolean): readonly Buffer[] {
  const parts: Buffer[] = [];
  let start = 0;
  for (const field of header.fields) {
    if (!drop(field.name)) continue;
    parts.push(content.subarray(start, field.start));
    start = field.end;
  }
  parts.push(content.subarray(start));
  return header.hasBody ? parts : [...parts, emptyLine];
}

function find(header: HeaderSection, name: string): HeaderField | undefined {
  return header.fields.find((field) => field.name === name);
}

function refuseContent(reason: string, why: string): Refusal {
  return refuse(replies.badContent(why), reason);
}
