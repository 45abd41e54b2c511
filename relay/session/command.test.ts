import { expect, test } from "vitest";
import { parseMail, parseRcpt } from "./command.ts";
import { replyText } from "./replies.ts";

function mailOf(line: string): unknown {
  const parsed = parseMail(Buffer.from(line), 1000);
  return "refusal" in parsed
    ? replyText(parsed.refusal)
    : { ...parsed.command, sender: parsed.command.sender?.address };
}

const none = { size: undefined, smtpUtf8: false };

test.each<[string, unknown]>([
  ["MAIL FROM:<a@b.example>", { ...none, sender: "a@b.example" }],
  ["mail from: <a@b.example> ", { ...none, sender: "a@b.example" }],
  ["MAIL FROM:<>", { ...none, sender: undefined }],
  ['MAIL FROM:<"a> b"@b.example> SIZE=5', { ...none, sender: '"a> b"@b.example', size: 5 }],
  ["MAIL FROM:<a@b.example> SIZE=1000 BODY=8bitmime SMTPUTF8", { sender: "a@b.example", size: 1000, smtpUtf8: true }],
  ["MAIL FROM:<ü@b.example> SMTPUTF8", { sender: "ü@b.example", size: undefined, smtpUtf8: true }],
  ["MAIL FROM:<ü@b.example>", "553 5.6.7 Sender address is not ASCII and needs SMTPUTF8 (RFC 6531)"],
  ["MAIL FROM:<a@b.example> SIZE=1001", "552 5.3.4 Message too large; the limit is 1000 octets"],
  ["MAIL FROM:<a@b.example> SIZE=x", "501 5.5.4 Bad value of parameter SIZE"],
  ["MAIL FROM:<a@b.example> SIZE", "501 5.5.4 Bad value of parameter SIZE"],
  ["MAIL FROM:<a@b.example> SIZE=1 size=2", "501 5.5.4 Parameter SIZE given twice"],
  ["MAIL FROM:<a@b.example> BODY=BINARYMIME", "501 5.5.4 Bad value of parameter BODY"],
  ["MAIL FROM:<a@b.example> SMTPUTF8=1", "501 5.5.4 Bad value of parameter SMTPUTF8"],
  ["MAIL FROM:<a@b.example> AUTH=<>", { ...none, sender: "a@b.example" }],
  ["MAIL FROM:<a@b.example> AUTH=e+3Dmc2@b.example", { ...none, sender: "a@b.example" }],
  ["MAIL FROM:<a@b.example> AUTH=a+3d", "501 5.5.4 Bad value of parameter AUTH"],
  ["MAIL FROM:<a@b.example> AUTH", "501 5.5.4 Bad value of parameter AUTH"],
  ["MAIL FROM:<a@b.example> RET=FULL", "555 5.5.4 Parameter RET not recognized"],
  ["MAIL FROM:<a@b.example> ENVID=a+0D+0Ab", "555 5.5.4 Parameter ENVID not recognized"],
  ["MAIL FROM:<a@b.example> =x", "501 5.5.4 Syntax: MAIL FROM:<address>"],
  ["MAIL FROM:<a@b.example>x", "501 5.5.4 Syntax: MAIL FROM:<address>"],
  ["MAIL FROM:a@b.example", "501 5.5.4 Syntax: MAIL FROM:<address>"],
  ["MAIL FROM:<<a@b.example>>", "501 5.5.4 Syntax: MAIL FROM:<address>"],
  ["MAIL FROM <a@b.example>", "501 5.5.4 Syntax: MAIL FROM:<address>"],
  ["MAIL TO:<a@b.example>", "501 5.5.4 Syntax: MAIL FROM:<address>"],
  ["MAIL FROM:<a\u0000@b.example>", "501 5.5.4 Syntax: MAIL FROM:<address>"],
  ["MAIL FROM:<a@b>", "553 5.1.7 Sender address refused: its domain is not fully qualified"],
])("%s", (line, expected) => {
  expect(mailOf(line)).toEqual(expected);
});

function rcptOf(line: string | Buffer, smtpUtf8 = false): unknown {
  const parsed = parseRcpt(Buffer.from(line), smtpUtf8);
  return "refusal" in parsed ? replyText(parsed.refusal) : parsed.command.recipient.address;
}

test.each([
  ["RCPT TO:<a@B.example>", "a@b.example"],
  ["RCPT TO:<>", "553 5.1.3 Recipient address refused: it has no domain"],
  ["RCPT TO:<postmaster>", "553 5.1.3 Recipient address refused: it has no domain"],
  ["RCPT TO:<@x.example:a@b.example>", "553 5.1.3 Recipient address refused: source routes are not accepted"],
  ["RCPT TO:<a@b.example> NOTIFY=NEVER", "555 5.5.4 Parameter NOTIFY not recognized"],
  ["RCPT TO:<a@ü.example>", "553 5.6.7 Recipient address is not ASCII and needs SMTPUTF8 (RFC 6531)"],
  ["RCPT FROM:<a@b.example>", "501 5.5.4 Syntax: RCPT TO:<address>"],
])("%s", (line, expected) => {
  expect(rcptOf(line)).toBe(expected);
});

test("an address outside of ASCII passes with SMTPUTF8, octets that are not UTF-8 never do", () => {
  expect(rcptOf("RCPT TO:<ü@ü.example>", true)).toBe("ü@xn--tda.example");
  expect(rcptOf(Buffer.from("RCPT TO:<\xfc@b.example>", "latin1"), true)).toBe("501 5.5.4 Syntax: RCPT TO:<address>");
});
