import { redact } from "../event/redact.ts";
import { parseReply, type RemoteReply } from "./reply.ts";
import type { Failure, FailureClass, Result } from "./result.ts";

/** What a reply answers. `Connect` is the greeting, `Hello` EHLO or HELO, `Content` the end of the data. */
export type Stage = "Connect" | "Hello" | "StartTLS" | "Auth" | "Mail" | "Rcpt" | "Data" | "Content";

/** Classes by the enhanced code without its first digit (RFC 3463 and the IANA registry, RFC 7372). */
const byEnhanced: Readonly<Partial<Record<string, FailureClass>>> = {
  "1.1": "UnknownRecipient",
  "1.2": "UnknownDomain",
  "1.3": "BadAddress",
  "1.6": "UnknownRecipient",
  "1.7": "SenderRejected",
  "1.8": "SenderRejected",
  "1.10": "NoMailAccepted",
  "2.1": "MailboxDisabled",
  "2.2": "MailboxFull",
  "2.3": "MessageTooLarge",
  "3.4": "MessageTooLarge",
  "4.5": "RateLimited",
  "5.3": "TooManyRecipients",
  "6.3": "NeedsEightBit",
  "6.7": "NeedsSMTPUTF8",
  "7.20": "Unauthenticated",
  "7.21": "Unauthenticated",
  "7.22": "Unauthenticated",
  "7.23": "Unauthenticated",
  "7.24": "Unauthenticated",
  "7.25": "Blocked",
  "7.26": "Unauthenticated",
  "7.27": "Unauthenticated",
  "7.28": "RateLimited",
  "7.29": "TLSMissing",
  "7.30": "Unauthenticated",
  "7.32": "Unauthenticated",
  "7.40": "Unauthenticated",
  "7.515": "Unauthenticated",
};

/** Classes by the subject of the enhanced code, where it is not in the list above. */
const bySubject: Readonly<Partial<Record<string, FailureClass>>> = {
  "1": "BadAddress",
  "2": "MailboxDisabled",
  "3": "SystemTrouble",
  "4": "SystemTrouble",
  "5": "ProtocolError",
  "6": "ContentRejected",
  "7": "PolicyRejected",
};

/**
 * Classes by what providers write, for replies without an enhanced code or with one that says nothing (x.0.0, x.7.0, x.7.1).
 * The first that fits counts. They never decide between temporary and permanent. No pattern backtracks.
 */
const byText: readonly (readonly [RegExp, FailureClass])[] = [
  [/gr[ae]y-?list/i, "Greylisted"],
  [/too many recipients/i, "TooManyRecipients"],
  [/\b(rate|throttl|too (many|fast)|quota of (messages|connections)|unusual rate|RP-00[123])/i, "RateLimited"],
  [/(mailbox|account|user).{0,40}(full|over ?quota|quota exceeded)/i, "MailboxFull"],
  [
    /(user|recipient|mailbox|address|account).{0,40}(unknown|not found|does(n't| not) exist|no such|invalid)/i,
    "UnknownRecipient",
  ],
  [/(unknown|no such|invalid) (user|recipient|mailbox|address|account)/i, "UnknownRecipient"],
  [/(mailbox|account|user).{0,40}(disabled|inactive|suspended)/i, "MailboxDisabled"],
  [/block(ed|list)|blacklist|spamhaus|barracuda|reputation|\b(SC|DY|OU)-00[0-9]/i, "Blocked"],
  [/\b(SPF|DKIM|DMARC)\b|unauthenticated/i, "Unauthenticated"],
  [/spam|virus|malware|content/i, "ContentRejected"],
];

/** Enhanced codes that say too little to go without the text. */
const vague = /^[245]\.(0\.0|7\.0|7\.1)$/;

/** What codes mean that come without an enhanced one. */
const byCode: Readonly<Partial<Record<number, FailureClass>>> = {
  421: "ServiceUnavailable",
  450: "MailboxDisabled",
  451: "SystemTrouble",
  452: "SystemTrouble",
  454: "SystemTrouble",
  521: "NoMailAccepted",
  552: "MessageTooLarge",
  553: "BadAddress",
  554: "PolicyRejected",
  556: "NoMailAccepted",
};

/** The class of an enhanced code without its first digit. */
function classOfEnhanced(key: string): FailureClass {
  return byEnhanced[key] ?? bySubject[key.split(".")[0] ?? ""] ?? "Unclassified";
}

function classOf({ code, enhanced, text }: RemoteReply, stage: Stage): FailureClass {
  if (enhanced !== undefined && !vague.test(enhanced)) return classOfEnhanced(enhanced.slice(2));
  const fitting = byText.find(([pattern]) => pattern.test(text.slice(0, 1024)));
  if (fitting !== undefined) return fitting[1];
  if (enhanced?.slice(1, 3) === ".7") return "PolicyRejected";
  if (code === 550) return stage === "Rcpt" ? "UnknownRecipient" : "PolicyRejected";
  return byCode[code] ?? "Unclassified";
}

/**
 * Whether a reply is worth another try. The first digit decides; the enhanced code never does, for there are
 * 421 with 5.7.x. Three exceptions: 552 for too many recipients means 452 (RFC 5321 §4.5.3.1.10), 503 speaks of the
 * session and not of the message, and what begins with neither 4 nor 5 is no refusal at all: temporary.
 */
function isPermanent(reply: RemoteReply, failureClass: FailureClass): boolean {
  if (reply.code < 500 || reply.code > 599) return false;
  if (reply.code === 552 && failureClass === "TooManyRecipients") return false;
  return reply.code !== 503;
}

/** The enhanced code with the first digit that fits the verdict; without one, the general code of it. */
function enhancedFor(digit: "2" | "4" | "5", given: string | undefined): string {
  return given === undefined ? `${digit}.0.0` : `${digit}${given.slice(1)}`;
}

/** A success or failure, out of the reply to a command: first digit, then enhanced code, then the provider's text. */
export function classifyReply(raw: string, stage: Stage): Result {
  const reply = parseReply(raw);
  const text = redact(raw);
  if (reply.code >= 200 && reply.code <= 299)
    return { kind: "Success", class: "Delivered", enhanced: enhancedFor("2", reply.enhanced), text };
  const isRefusal = reply.code >= 400 && reply.code <= 599;
  const failureClass = isRefusal ? classOf(reply, stage) : "ProtocolError";
  const permanent = isPermanent(reply, failureClass);
  return {
    kind: permanent ? "Permanent" : "Temporary",
    class: failureClass,
    enhanced: enhancedFor(permanent ? "5" : "4", reply.enhanced),
    text,
  };
}

/** How a connection ended that gave no reply. */
export interface ConnectionError {
  /** A system error code such as ECONNREFUSED, or one of nodemailer's such as EPROTOCOL; "" when there is none. */
  readonly code: string;
  readonly message: string;
}

/** Our own code for a message whose final dot was withheld: it cannot have arrived. */
export const withheld = "ELEASE";

const byErrorCode: ReadonlyMap<string, readonly [FailureClass, string]> = new Map([
  ["ECONNREFUSED", ["Unreachable", "4.4.1"]],
  ["EHOSTUNREACH", ["Unreachable", "4.4.1"]],
  ["ENETUNREACH", ["Unreachable", "4.4.1"]],
  ["EADDRNOTAVAIL", ["Unreachable", "4.4.1"]],
  ["EACCES", ["Unreachable", "4.4.1"]],
  ["EPERM", ["Unreachable", "4.4.1"]],
  ["ETIMEDOUT", ["TimedOut", "4.4.1"]],
  ["EBUSY", ["HopBusy", "4.4.5"]],
  ["ENOLOGIN", ["CredentialsMissing", "4.7.0"]],
  ["EPROTOCOL", ["ProtocolError", "4.5.0"]],
]);

/** A connection that failed is always temporary. After the data has begun it is `LostAfterData`: it may have arrived. */
export function classifyError(error: ConnectionError, stage: Stage | "TLS"): Failure {
  const [failureClass, enhanced] = byErrorCode.get(error.code) ?? ["ConnectionLost", "4.4.2"];
  const text = redact(error.message);
  if (error.code === withheld) return { kind: "Temporary", class: "LeaseLost", enhanced: "4.3.0", text };
  if (stage === "Content") return { kind: "Temporary", class: "LostAfterData", enhanced: "4.4.2", text };
  if (stage === "TLS") return { kind: "Temporary", class: "TLSFailed", enhanced: "4.7.5", text };
  return { kind: "Temporary", class: failureClass, enhanced, text };
}

/** The hop offers no TLS where it is required (RFC 3207). Temporary: another hop, or the same one mended, may. */
export function tlsMissing(text: string): Failure {
  return { kind: "Temporary", class: "TLSMissing", enhanced: "4.7.4", text: redact(text) };
}

/**
 * The smarthost does not accept the credentials, or no way of ours to send them. Always temporary, whatever it answers:
 * a wrong password is not the recipient's fault, and is mended while the mail waits.
 */
export function authenticationFailed(raw: string): Failure {
  const { enhanced } = parseReply(raw);
  const text = redact(`the smarthost did not accept the credentials: ${raw}`);
  return { kind: "Temporary", class: "AuthenticationFailed", enhanced: enhancedFor("4", enhanced ?? "5.7.8"), text };
}
