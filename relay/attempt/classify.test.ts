import { describe, expect, test } from "vitest";
import { classifyError, classifyReply, type Stage } from "./classify.ts";
import { parseReply } from "./reply.ts";
import type { FailureClass } from "./result.ts";

describe("parseReply", () => {
  test.each([
    ["250 2.0.0 Ok", { code: 250, enhanced: "2.0.0", text: "Ok" }],
    ["250", { code: 250, enhanced: undefined, text: "" }],
    ["550-5.1.1 no such\r\n550 5.1.1 user", { code: 550, enhanced: "5.1.1", text: "no such user" }],
    ["550-no\n550 5.7.1 really", { code: 550, enhanced: "5.7.1", text: "no really" }],
    ["550 5.7.515 Access denied", { code: 550, enhanced: "5.7.515", text: "Access denied" }],
    ["550 5.1.1.1 odd", { code: 550, enhanced: undefined, text: "5.1.1.1 odd" }],
    ["550 version 4.5.6 is old", { code: 550, enhanced: undefined, text: "version 4.5.6 is old" }],
    ["HTTP/1.1 400 Bad Request", { code: 0, enhanced: undefined, text: "HTTP/1.1 400 Bad Request" }],
    ["", { code: 0, enhanced: undefined, text: "" }],
    ["2500 x", { code: 0, enhanced: undefined, text: "2500 x" }],
  ])("%j", (raw, want) => expect(parseReply(raw)).toEqual(want));
});

const replies: readonly (readonly [string, Stage, "Temporary" | "Permanent", FailureClass, string])[] = [
  // The first digit decides.
  ["421 5.7.0 IP reputation", "Mail", "Temporary", "Blocked", "4.7.0"],
  ["421 5.7.32 From not aligned", "Content", "Temporary", "Unauthenticated", "4.7.32"],
  ["550 4.2.2 over quota", "Rcpt", "Permanent", "MailboxFull", "5.2.2"],
  ["451 4.3.0 try later", "Mail", "Temporary", "SystemTrouble", "4.3.0"],
  ["354 go on", "Content", "Temporary", "ProtocolError", "4.0.0"],
  ["999 what", "Content", "Temporary", "ProtocolError", "4.0.0"],
  ["HTTP/1.1 400 Bad Request", "Connect", "Temporary", "ProtocolError", "4.0.0"],
  ["", "Content", "Temporary", "ProtocolError", "4.0.0"],
  // Exceptions.
  ["552 too many recipients", "Rcpt", "Temporary", "TooManyRecipients", "4.0.0"],
  ["552 5.5.3 Too many recipients", "Rcpt", "Temporary", "TooManyRecipients", "4.5.3"],
  ["552 5.2.2 Mailbox full", "Rcpt", "Permanent", "MailboxFull", "5.2.2"],
  ["503 bad sequence of commands", "Data", "Temporary", "Unclassified", "4.0.0"],
  // Then the enhanced code.
  [
    "550 5.1.1 The email account that you tried to reach does not exist",
    "Rcpt",
    "Permanent",
    "UnknownRecipient",
    "5.1.1",
  ],
  ["550 5.1.10 Null MX", "Rcpt", "Permanent", "NoMailAccepted", "5.1.10"],
  ["550 5.2.1 disabled", "Rcpt", "Permanent", "MailboxDisabled", "5.2.1"],
  ["552 5.3.4 too big", "Content", "Permanent", "MessageTooLarge", "5.3.4"],
  ["450 4.2.1 receiving too fast", "Rcpt", "Temporary", "MailboxDisabled", "4.2.1"],
  ["452 4.2.2 over quota", "Rcpt", "Temporary", "MailboxFull", "4.2.2"],
  ["452 4.5.3 too many recipients", "Rcpt", "Temporary", "TooManyRecipients", "4.5.3"],
  ["421 4.7.28 unusual rate", "Content", "Temporary", "RateLimited", "4.7.28"],
  ["550 5.7.25 no PTR", "Mail", "Permanent", "Blocked", "5.7.25"],
  ["550 5.7.26 unauthenticated", "Content", "Permanent", "Unauthenticated", "5.7.26"],
  ["550 5.7.515 Access denied", "Content", "Permanent", "Unauthenticated", "5.7.515"],
  ["550 5.6.7 needs SMTPUTF8", "Content", "Permanent", "NeedsSMTPUTF8", "5.6.7"],
  ["550 5.9.9 from the future", "Content", "Permanent", "Unclassified", "5.9.9"],
  // Then what the provider writes.
  ["450 4.7.1 Greylisted, come back later", "Rcpt", "Temporary", "Greylisted", "4.7.1"],
  ["451 Grey-listed", "Rcpt", "Temporary", "Greylisted", "4.0.0"],
  ["421 RP-001 The mail server IP has exceeded the rate limit", "Connect", "Temporary", "RateLimited", "4.0.0"],
  ["550 5.7.1 Service unavailable; client blocked using Spamhaus", "Mail", "Permanent", "Blocked", "5.7.1"],
  ["550 SC-001 rejected", "Mail", "Permanent", "Blocked", "5.0.0"],
  ["554 5.7.1 DMARC policy of the domain", "Content", "Permanent", "Unauthenticated", "5.7.1"],
  ["554 5.7.1 Message looks like spam", "Content", "Permanent", "ContentRejected", "5.7.1"],
  ["550 No such user here", "Rcpt", "Permanent", "UnknownRecipient", "5.0.0"],
  ["550 mailbox unavailable", "Rcpt", "Permanent", "UnknownRecipient", "5.0.0"],
  ["550 go away", "Mail", "Permanent", "PolicyRejected", "5.0.0"],
  ["550 5.7.1 go away", "Rcpt", "Permanent", "PolicyRejected", "5.7.1"],
  ["554 No SMTP service here", "Connect", "Permanent", "PolicyRejected", "5.0.0"],
  ["521 does not accept mail", "Connect", "Permanent", "NoMailAccepted", "5.0.0"],
  ["421 closing", "Connect", "Temporary", "ServiceUnavailable", "4.0.0"],
  ["499 odd", "Mail", "Temporary", "Unclassified", "4.0.0"],
  ["599 odd", "Mail", "Permanent", "Unclassified", "5.0.0"],
];

describe("classifyReply", () => {
  test.each(replies)("%j to %s is %s, %s, %s", (...row) => {
    const [raw, stage, kind, failureClass, enhanced] = row;
    expect(classifyReply(raw, stage)).toMatchObject({ kind, class: failureClass, enhanced });
  });

  test.each([
    ["250 2.0.0 Ok: queued as 1", "2.0.0"],
    ["250 Ok", "2.0.0"],
    ["250 2.6.0 <id> Queued", "2.6.0"],
    ["250 5.1.1 odd", "2.1.1"],
  ])("%j is a success", (raw, enhanced) =>
    expect(classifyReply(raw, "Content")).toEqual({ kind: "Success", class: "Delivered", enhanced, text: raw }),
  );

  test("cuts and cleans what it keeps, and takes no longer for a long reply", () => {
    const result = classifyReply(`550 \u001b[2J${"user ".repeat(20_000)}`, "Rcpt");
    expect(result.text.length).toBeLessThanOrEqual(512);
    expect(result.text).not.toContain("\u001b");
  });
});

describe("classifyError", () => {
  test.each([
    ["ECONNREFUSED", "Connect", "Unreachable", "4.4.1"],
    ["ENETUNREACH", "Connect", "Unreachable", "4.4.1"],
    ["ETIMEDOUT", "Connect", "TimedOut", "4.4.1"],
    ["ECONNRESET", "Mail", "ConnectionLost", "4.4.2"],
    ["EPROTOCOL", "Hello", "ProtocolError", "4.5.0"],
    ["", "Rcpt", "ConnectionLost", "4.4.2"],
    ["toString", "Rcpt", "ConnectionLost", "4.4.2"],
    ["ECONNRESET", "Content", "LostAfterData", "4.4.2"],
    ["ETIMEDOUT", "Content", "LostAfterData", "4.4.2"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "TLS", "TLSFailed", "4.7.5"],
  ] as const)("%s at %s is %s, %s", (code, stage, failureClass, enhanced) =>
    expect(classifyError({ code, message: "m\r\n" }, stage)).toEqual({
      kind: "Temporary",
      class: failureClass,
      enhanced,
      text: "m",
    }),
  );
});
