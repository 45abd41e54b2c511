import { expect, test } from "vitest";
import { replyText } from "../session/replies.ts";
import { prepare } from "./prepare.ts";

const trace = { hostname: "mail.example", queueId: "q1", now: Date.UTC(2026, 10, 22, 9, 5, 6), smtpUtf8: false };
const received = "Received: by mail.example\r\n\twith ESMTPSA id q1;\r\n\tSun, 22 Nov 2026 09:05:06 +0000\r\n";
const date = "Date: Sun, 22 Nov 2026 09:05:06 +0000\r\n";
const id = "Message-ID: <q1@b.example>\r\n";

test.each([
  [
    "a missing Date and Message-ID are added",
    "From: a@b.example\r\n\r\nx\r\n",
    `${received}${date}${id}From: a@b.example\r\n\r\nx\r\n`,
  ],
  [
    "those that are there stay, and every byte with them",
    "Date:  whatever\r\nmessage-id:\r\n <1@x>\r\nFROM:a@b.example \r\n\r\n x \r\n",
    `${received}Date:  whatever\r\nmessage-id:\r\n <1@x>\r\nFROM:a@b.example \r\n\r\n x \r\n`,
  ],
  [
    "Bcc, Resent-Bcc and Return-Path go with their folds",
    "Bcc: x@x\r\nDate: d\r\nRETURN-PATH: <y>\r\nFrom: a@b.example\r\nMessage-ID: <1@x>\r\nbcc:\r\n z@z,\r\n\tw@w\r\nResent-Bcc: v\r\nTo: c\r\n\r\nBcc: stays\r\n",
    `${received}Date: d\r\nFrom: a@b.example\r\nMessage-ID: <1@x>\r\nTo: c\r\n\r\nBcc: stays\r\n`,
  ],
  [
    "a Message-ID that is none is replaced",
    "Date: d\r\nMessage-ID: none\r\nFrom: a@b.example\r\n\r\n",
    `${received}${id}Date: d\r\nFrom: a@b.example\r\n\r\n`,
  ],
  [
    "a header without a body gets its empty line",
    "From: a@b.example\r\n",
    `${received}${date}${id}From: a@b.example\r\n\r\n`,
  ],
])("%s", (_, text, expected) => {
  const prepared = prepare(Buffer.from(text), trace);
  expect(prepared.kind === "Prepared" ? prepared.content.toString() : prepared).toBe(expected);
});

test("it says what later steps must know", () => {
  const text = Buffer.from("From: Ü <a@Ü.example>\r\nMessage-ID: <1@x>\r\n\r\n");
  expect(prepare(text, { ...trace, smtpUtf8: true })).toMatchObject({
    fromDomain: "xn--tda.example",
    messageId: "1@x",
    eightBit: true,
    smtpUtf8: true,
  });
  const body = Buffer.from("From: a@b.example\r\n\r\nÜ\r\n");
  expect(prepare(body, trace)).toMatchObject({ eightBit: true, smtpUtf8: false });
});

test("SMTPUTF8 shows in the trace", () => {
  const prepared = prepare(Buffer.from("From: a@b.example\r\n\r\n"), { ...trace, smtpUtf8: true });
  expect(prepared.kind === "Prepared" && prepared.content.toString()).toContain("with UTF8SMTPSA id q1");
});

const refused = "550 5.6.0 Message content refused: ";

test.each([
  ["", `${refused}it has no From header field`],
  ["To: a@b.example\r\n\r\n", `${refused}it has no From header field`],
  ["no header\r\n", `${refused}line 1 of its header is no header field`],
  [
    "From: a@b.example\r\nFrom: c@d.example\r\n\r\n",
    `${refused}it has more than one from header field (RFC 5322 section 3.6)`,
  ],
  ["From: a@b.example, c@d.example\r\n\r\n", `${refused}From header field: it must hold exactly one address`],
  ["From: a@b.example\r\nSubject: \xfc\r\n\r\n", `${refused}its header is neither ASCII nor UTF-8`],
  [
    "From: a@b.example\r\nSubject: \xc3\xbc\r\n\r\n",
    "550 5.6.7 Message content refused: header fields are not ASCII and need SMTPUTF8 (RFC 6531)",
  ],
  [`From: a@b.example\r\n${"Received: x\r\n".repeat(36)}\r\n`, "554 5.4.6 Routing loop: 36 Received header fields"],
])("refused: %#", (text, reply) => {
  const prepared = prepare(Buffer.from(text, "latin1"), trace);
  expect(prepared.kind === "Prepared" ? "" : replyText(prepared.reply)).toBe(reply);
});

test("35 hops are no loop", () => {
  const text = `From: a@b.example\r\n${"Received: x\r\n".repeat(35)}\r\n`;
  expect(prepare(Buffer.from(text), trace).kind).toBe("Prepared");
});
