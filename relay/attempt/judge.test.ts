import { describe, expect, test } from "vitest";
import type { HopTls } from "../route/hop.ts";
import type { MessageReplies } from "./dialogue.ts";
import { judgeExtensions, judgeOpening, judgeTransaction } from "./judge.ts";
import type { Transaction } from "./transaction.ts";

const two = ["a@example.net", "b@example.net"];

function transaction(replies: Partial<MessageReplies>, rest: Partial<Transaction> = {}): Transaction {
  return { replies: { recipients: [], ...replies }, stage: "Idle", ...rest };
}

/** `Final Temporary 4.4.2` and so on. */
function judged(given: Transaction): readonly string[] {
  return judgeTransaction(two, given).map((judgement) => {
    const result = judgement.kind === "Final" ? judgement.result : judgement.failure;
    return `${judgement.kind} ${result.kind} ${result.enhanced}`;
  });
}

const lost = { code: "ECONNRESET", message: "reset" };

describe("judgeTransaction", () => {
  test.each<[string, Transaction, string, string]>([
    [
      "taken",
      transaction({ mail: "250 ok", recipients: ["250 ok", "250 ok"], data: "354 go", content: "250 2.6.0 ok" }),
      "Final Success 2.6.0",
      "Final Success 2.6.0",
    ],
    [
      "taken for one",
      transaction({ mail: "250 ok", recipients: ["250 ok", "550 5.1.1 no"], data: "354 go", content: "250 2.6.0 ok" }),
      "Final Success 2.6.0",
      "Final Permanent 5.1.1",
    ],
    ["nothing was said", transaction({}, { error: lost }), "Elsewhere Temporary 4.4.2", "Elsewhere Temporary 4.4.2"],
    ["the sender is refused", transaction({ mail: "550 5.7.1 no" }), "Final Permanent 5.7.1", "Final Permanent 5.7.1"],
    [
      "the hop closes at MAIL",
      transaction({ mail: "421 4.3.2 x" }),
      "Elsewhere Temporary 4.3.2",
      "Elsewhere Temporary 4.3.2",
    ],
    [
      "the hop closes at the first recipient",
      transaction({ mail: "250 ok", recipients: ["421 4.7.0 x"] }),
      "Elsewhere Temporary 4.7.0",
      "Elsewhere Temporary 4.7.0",
    ],
    [
      "one is refused, then the line drops",
      transaction({ mail: "250 ok", recipients: ["550 5.1.1 no"] }, { error: lost, stage: "Rcpt" }),
      "Final Permanent 5.1.1",
      "Elsewhere Temporary 4.4.2",
    ],
    [
      "DATA is deferred",
      transaction({ mail: "250 ok", recipients: ["250 ok", "250 ok"], data: "451 4.3.0 x" }),
      "Final Temporary 4.3.0",
      "Final Temporary 4.3.0",
    ],
    [
      "the hop closes at DATA",
      transaction({ mail: "250 ok", recipients: ["250 ok", "250 ok"], data: "421 4.3.0 x" }),
      "Elsewhere Temporary 4.3.0",
      "Elsewhere Temporary 4.3.0",
    ],
    [
      "the hop closes instead of taking the content",
      transaction({ mail: "250 ok", recipients: ["250 ok", "250 ok"], data: "354 go", content: "421 4.3.0 x" }),
      "Final Temporary 4.3.0",
      "Final Temporary 4.3.0",
    ],
    [
      "the line drops in the content",
      transaction(
        { mail: "250 ok", recipients: ["250 ok", "550 5.1.1 no"], data: "354 go" },
        { error: lost, stage: "Content" },
      ),
      "Final Temporary 4.4.2",
      "Final Permanent 5.1.1",
    ],
    [
      "the line drops before the reply to DATA",
      transaction({ mail: "250 ok", recipients: ["250 ok", "250 ok"] }, { error: lost, stage: "Data" }),
      "Elsewhere Temporary 4.4.2",
      "Elsewhere Temporary 4.4.2",
    ],
  ])("%s", (_, given, first, second) => expect(judged(given)).toEqual([first, second]));
});

describe("judgeOpening", () => {
  const error = { code: "EPROTOCOL", message: "Invalid greeting" };
  const plain: HopTls = { start: "IfOffered", verify: false };
  const required: HopTls = { start: "Required", verify: true };
  test.each([
    ["a permanent greeting", { stage: "Connect", reply: "554 no", error }, plain, "Permanent", "PolicyRejected"],
    ["a temporary greeting", { stage: "Connect", reply: "421 no", error }, plain, "Temporary", "ServiceUnavailable"],
    ["EHLO refused", { stage: "Hello", reply: "550 5.7.1 no", error }, plain, "Permanent", "PolicyRejected"],
    ["no TLS", { stage: "StartTLS", reply: "502 what", error }, required, "Temporary", "TLSMissing"],
    ["EHLO unknown, TLS required", { stage: "Hello", reply: "502 what", error }, required, "Temporary", "TLSMissing"],
    [
      "421 to EHLO, TLS required",
      { stage: "Hello", reply: "421 busy", error },
      required,
      "Temporary",
      "ServiceUnavailable",
    ],
    ["a broken handshake", { stage: "TLS", error }, required, "Temporary", "TLSFailed"],
    [
      "nobody there",
      { stage: "Connect", error: { code: "ECONNREFUSED", message: "" } },
      plain,
      "Temporary",
      "Unreachable",
    ],
  ] as const)("%s", (...row) => {
    const [, failure, tls, kind, failureClass] = row;
    expect(judgeOpening(failure, tls)).toMatchObject({ kind, class: failureClass });
  });
});

describe("judgeExtensions", () => {
  const message = { eightBit: true, content: [Buffer.alloc(6), Buffer.alloc(5)] };
  test.each<[Record<string, string>, boolean, string | undefined]>([
    [{ "8BITMIME": "", SMTPUTF8: "" }, true, undefined],
    [{ "8BITMIME": "" }, true, "5.6.7"],
    [{ SMTPUTF8: "" }, true, "5.6.3"],
    [{ "8BITMIME": "", SIZE: "11" }, false, undefined],
    [{ "8BITMIME": "", SIZE: "10" }, false, "5.3.4"],
    [{ "8BITMIME": "", SIZE: "0" }, false, undefined],
    [{ "8BITMIME": "", SIZE: "" }, false, undefined],
    [{ "8BITMIME": "", SIZE: "many" }, false, undefined],
  ])("%j, SMTPUTF8 needed: %s", (offered, smtpUtf8, want) =>
    expect(judgeExtensions(new Map(Object.entries(offered)), message, smtpUtf8)?.enhanced).toBe(want),
  );
});
