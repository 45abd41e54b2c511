import { decide } from "../decision/chain.ts";
import { submissionChecks } from "../decision/submission.ts";
import { type Refusal, refuse } from "../decision/verdict.ts";
import { parseMail, parseRcpt } from "./command.ts";
import { takeIn } from "./intake.ts";
import { refuseAtData, refuseAtMail, refuseByRate } from "./rates.ts";
import type { Received } from "./receive.ts";
import type { Reply } from "./reply.ts";
import * as replies from "./replies.ts";
import { acceptedEvent, creditsEvent } from "./reports.ts";
import type { Session, Transaction } from "./state.ts";

/** MAIL: opens a transaction if the tenant may send from that address now. The next command waits until that is known. */
export async function mail(session: Session, line: Buffer): Promise<void> {
  const { services, state } = session;
  if (state.transaction !== undefined) return session.reply(replies.nestedMail);
  const parsed = parseMail(line, services.limits.messageBytes);
  if ("refusal" in parsed) return session.refuse("Mail", refuse(parsed.refusal, "BadMailCommand"));
  const { sender, smtpUtf8 } = parsed.command;
  const directory = services.directory();
  const now = services.clock.now();
  const login = directory.login(state.credentialId ?? "");
  const verdict = decide(submissionChecks, {
    directory,
    contractsAge: services.contractsAge?.(),
    login,
    source: session.client,
    now,
    senderDomain: sender?.domain,
  });
  if (verdict.kind !== "Accept") return session.refuse("Mail", verdict);
  const limited = login && (await refuseAtMail(session, login));
  if (limited !== undefined) return session.refuse("Mail", limited);
  session.setTransaction({ sender, smtpUtf8, recipients: new Map(), startedAt: now });
  session.reply(replies.senderAccepted);
}

/** RCPT: adds a recipient. One that was named before is accepted again and counts once. */
export function rcpt(session: Session, line: Buffer): void {
  const { transaction } = session.state;
  if (transaction === undefined) return session.reply(replies.needMail);
  const parsed = parseRcpt(line, transaction.smtpUtf8);
  if ("refusal" in parsed) return session.refuse("Rcpt", refuse(parsed.refusal, "BadRecipient"));
  const { recipient } = parsed.command;
  const { recipients } = transaction;
  if (recipients.size >= session.services.limits.recipients && !recipients.has(recipient.address))
    return session.refuse("Rcpt", refuse(replies.tooManyRecipients, "TooManyRecipients"), { recipient });
  recipients.set(recipient.address, recipient);
  session.reply(replies.recipientAccepted);
}

/** DATA: takes the content, and with the reply to its end the responsibility. */
export async function data(session: Session): Promise<void> {
  const { transaction } = session.state;
  if (transaction === undefined) return session.reply(replies.needMail);
  if (transaction.recipients.size === 0) return session.reply(replies.needRecipient);
  const limited = await refuseAtData(session, transaction.recipients.size);
  if (limited !== undefined) {
    session.refuse("Data", limited);
    return session.setTransaction(undefined);
  }
  session.openData((received) => finish(session, transaction, received));
  session.reply(replies.sendContent);
}

async function finish(session: Session, transaction: Transaction, received: Received): Promise<Reply> {
  const { services, client } = session;
  if ("refusal" in received) return refuseData(session, received.refusal);
  const tls = session.tls();
  const submission = {
    credentialId: session.state.credentialId ?? "",
    sender: transaction.sender,
    recipients: [...transaction.recipients.values()],
    smtpUtf8: transaction.smtpUtf8,
    startedAt: transaction.startedAt,
    client,
    tls,
  };
  const taken = await takeIn(services, submission, received.content).finally(received.release);
  if (taken.kind === "RateLimited")
    return refuseData(session, await refuseByRate(session, taken.limited), taken.messageId);
  if (taken.kind === "Refused") return refuseData(session, taken.refusal, taken.messageId);
  session.state.tally = { ...session.state.tally, rateRefusals: 0 };
  const { startedAt } = transaction;
  services.events(acceptedEvent(taken.message, { now: services.clock.now(), startedAt, client, tls }));
  if (taken.credits !== undefined) services.events(creditsEvent(taken.message, taken.credits, services.clock.now()));
  return replies.queued(taken.message.envelope.id);
}

function refuseData(session: Session, refusal: Refusal, messageId?: string): Reply {
  session.report("Data", refusal, messageId === undefined ? {} : { messageId });
  return refusal.reply;
}
