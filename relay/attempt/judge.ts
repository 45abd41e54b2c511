import {
  authenticationFailed,
  classifyError,
  classifyReply,
  tlsMissing,
  type ConnectionError,
  type Stage,
} from "./classify.ts";
import type { DialogueStage } from "./dialogue.ts";
import { isPositive } from "./reply.ts";
import type { Failure, Result } from "./result.ts";
import type { OpenFailure } from "./session.ts";
import type { OutgoingMessage, Transaction } from "./transaction.ts";
import type { HopTls } from "../route/hop.ts";

/**
 * What a hop did with one recipient. `Final`: that is its result. `Elsewhere`: the hop gave out before it said
 * anything of the message, so the next hop may be asked; if none takes it, this is the result.
 */
export type Judgement =
  | { readonly kind: "Final"; readonly result: Result }
  | { readonly kind: "Elsewhere"; readonly failure: Failure };

const final = (result: Result): Judgement => ({ kind: "Final", result });

function stageOf(stage: DialogueStage): Stage | "TLS" {
  return stage === "Idle" ? "Mail" : stage;
}

/** The hop said 421, or nothing: it is going away, and another may be there. */
function isClosing(raw: string): boolean {
  return raw.startsWith("421");
}

const closed: ConnectionError = { code: "", message: "the connection was closed" };

/** Judges a reply that is not positive; one that closes the session lets the next hop be asked. */
function judgeRefusal(raw: string, stage: Stage): Judgement {
  const result = classifyReply(raw, stage);
  if (result.kind === "Success") return final(result);
  return isClosing(raw) && stage !== "Content" ? { kind: "Elsewhere", failure: result } : final(result);
}

/** Judges what no reply came for. Once the content is under way nobody else is asked: it may have arrived. */
function judgeSilence({ error, stage }: Transaction): Judgement {
  const failure = classifyError(error ?? closed, stageOf(stage));
  return stage === "Content" ? final(failure) : { kind: "Elsewhere", failure };
}

/** Judges what holds for all recipients that the hop accepted. */
function judgeContent(transaction: Transaction): Judgement {
  const { data, content } = transaction.replies;
  if (content !== undefined) return final(classifyReply(content, "Content"));
  if (data !== undefined && !/^[23]/.test(data)) return judgeRefusal(data, "Data");
  return judgeSilence(transaction);
}

function judgeRecipient(transaction: Transaction, reply: string | undefined): Judgement {
  if (reply === undefined) return judgeUnanswered(transaction);
  return isPositive(reply) ? judgeContent(transaction) : judgeRefusal(reply, "Rcpt");
}

/** A recipient without a reply of its own: the hop closed the session with another's 421, or broke off. */
function judgeUnanswered(transaction: Transaction): Judgement {
  const closing = transaction.replies.recipients.find((raw) => isClosing(raw));
  return closing === undefined ? judgeSilence(transaction) : judgeRefusal(closing, "Rcpt");
}

/**
 * What a smarthost did with each recipient. One that says in the session that the credentials are no good any more has said nothing of the message (RFC 4954 §6).
 */
export function judgeLoggedIn(recipients: readonly string[], transaction: Transaction): readonly Judgement[] {
  const { mail, recipients: replies, data } = transaction.replies;
  const refused = [mail, ...replies, data].find((raw) => raw !== undefined && /^53[0458]/.test(raw));
  const judgements = judgeTransaction(recipients, transaction);
  if (refused === undefined) return judgements;
  const failure = authenticationFailed(refused);
  return judgements.map((each) =>
    each.kind === "Final" && each.result.kind === "Permanent" && /^53[0458]/.test(each.result.text)
      ? { kind: "Elsewhere", failure }
      : each,
  );
}

/** What a hop did with each recipient, in their order: every one has the reply to its own RCPT, and the content's. */
export function judgeTransaction(recipients: readonly string[], transaction: Transaction): readonly Judgement[] {
  const { mail, recipients: replies } = transaction.replies;
  if (mail === undefined) return recipients.map(() => judgeSilence(transaction));
  if (!isPositive(mail)) return recipients.map(() => judgeRefusal(mail, "Mail"));
  return recipients.map((_, i) => judgeRecipient(transaction, replies[i]));
}

/** Why a session with a hop did not come about. 5xx in the greeting or to EHLO is permanent, for this hop (RFC 5321 §3.1). */
export function judgeOpening({ stage, reply, error }: OpenFailure, tls: HopTls): Failure {
  const wantsTls = tls.start === "Required" && (stage === "StartTLS" || stage === "Hello");
  if (wantsTls && reply !== undefined && !isClosing(reply))
    return tlsMissing(`TLS is required, but not offered: ${reply}`);
  if (stage === "Auth") return judgeLogin(reply, error);
  if (reply !== undefined && stage !== "TLS") {
    const result = classifyReply(reply, stage === "Idle" ? "Hello" : stage);
    if (result.kind !== "Success") return result;
  }
  return classifyError(error, stageOf(stage));
}

/** A refusal is of the credentials, unless the smarthost goes away; an error is of the connection, unless it is ours. */
function judgeLogin(reply: string | undefined, error: ConnectionError): Failure {
  if (reply === undefined)
    return error.code === "EAUTH" ? authenticationFailed(error.message) : classifyError(error, "Auth");
  const closing = isClosing(reply) ? classifyReply(reply, "Auth") : undefined;
  return closing === undefined || closing.kind === "Success" ? authenticationFailed(reply) : closing;
}

function refuse(failureClass: Failure["class"], enhanced: string, text: string): Failure {
  return { kind: "Permanent", class: failureClass, enhanced, text };
}

/** What the hop's extensions keep from being sent at all; undefined when nothing does. */
export function judgeExtensions(
  extensions: ReadonlyMap<string, string>,
  message: Pick<OutgoingMessage, "eightBit" | "content">,
  smtpUtf8: boolean,
): Failure | undefined {
  if (smtpUtf8 && !extensions.has("SMTPUTF8"))
    return refuse("NeedsSMTPUTF8", "5.6.7", "the message needs SMTPUTF8, which the server does not offer");
  if (message.eightBit && !extensions.has("8BITMIME"))
    return refuse("NeedsEightBit", "5.6.3", "the message has 8-bit content, which the server does not take");
  const limit = Number(extensions.get("SIZE") ?? 0);
  const size = message.content.reduce((sum, part) => sum + part.length, 0);
  if (limit > 0 && size > limit)
    return refuse("MessageTooLarge", "5.3.4", `the message has ${size} octets, the server takes ${limit}`);
  return undefined;
}
