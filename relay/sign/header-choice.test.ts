import { describe, expect, test } from "vitest";
import { chooseHeader } from "./header-choice.ts";

/** What `h=` holds for a message without any field: every closed name once. */
const absent = chooseHeader([]).names;

describe("chooseHeader", () => {
  test("closes every name that a reader or a mailbox provider acts on", () => {
    expect(absent).toEqual([
      "From",
      "To",
      "Cc",
      "Subject",
      "Date",
      "Reply-To",
      "Message-ID",
      "List-Unsubscribe",
      "List-Unsubscribe-Post",
      "Feedback-ID",
      "MIME-Version",
      "Content-Type",
      "Content-Transfer-Encoding",
      "Content-Disposition",
      "Content-ID",
      "Content-Description",
    ]);
  });

  const cases: readonly [
    what: string,
    present: readonly string[],
    names: readonly string[],
    positions: readonly number[],
  ][] = [
    ["one From", ["from"], ["From", ...absent], [0]],
    ["two From, the lower one first", ["from", "from"], ["From", "From", ...absent], [1, 0]],
    [
      "in the order of names, not of the message",
      ["subject", "to", "from"],
      ["From", "From", "To", "To", "Cc", "Subject", "Subject", ...absent.slice(4)],
      [2, 1, 0],
    ],
    [
      "an open name as often as it is there",
      ["list-id", "references", "references"],
      [...absent, "References", "References", "List-Id"],
      [2, 1, 0],
    ],
    [
      "no trace, no transport, no unknown field",
      [
        "received",
        "return-path",
        "dkim-signature",
        "authentication-results",
        "arc-seal",
        "bcc",
        "x-mailer",
        "comments",
      ],
      absent,
      [],
    ],
    ["what lies between", ["received", "from", "x-a", "from"], ["From", "From", ...absent], [3, 1]],
  ];
  test.each(cases)("signs %s", (_what, present, names, positions) => {
    expect(chooseHeader(present)).toEqual({ names, positions });
  });
});
