import { describe, expect, test } from "vitest";
import { newDialogue, type Dialogue } from "./dialogue.ts";

/** Plays lines: `C: ` was sent, `S: ` was answered. */
function play(...lines: readonly string[]): Dialogue {
  const dialogue = newDialogue();
  for (const line of lines) {
    if (line.startsWith("C: ")) dialogue.client(line.slice(3));
    else dialogue.server(line.slice(3));
  }
  return dialogue;
}

const hello = ["S: 220 hi", "C: EHLO me", "S: 250-mx\r\n250-PIPELINING\r\n250-size 1000\r\n250 8BITMIME"];

const login = [...hello, "C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6"];

describe("a dialogue", () => {
  test.each<[string, readonly string[], string]>([
    ["the greeting is waited for", [], "Connect"],
    ["EHLO was sent", ["S: 220 hi", "C: EHLO me"], "Hello"],
    ["STARTTLS was sent", [...hello, "C: STARTTLS"], "StartTLS"],
    ["STARTTLS was refused", [...hello, "C: STARTTLS", "S: 454 no"], "StartTLS"],
    ["the handshake is under way", [...hello, "C: STARTTLS", "S: 220 go"], "TLS"],
    ["EHLO was sent again", [...hello, "C: STARTTLS", "S: 220 go", "C: EHLO me"], "Hello"],
    ["AUTH was sent", [...hello, "C: AUTH PLAIN /* secret */"], "Auth"],
    ["AUTH was refused", [...hello, "C: AUTH PLAIN /* secret */", "S: 535 no"], "Auth"],
    ["a challenge was answered", [...hello, "C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: TUFJTCBGUk9N"], "Auth"],
    ["a challenge is answered with what looks like a command", [...login, "C: DATA", "S: 334 UGFzc3dvcmQ6"], "Auth"],
    ["MAIL was sent after AUTH", [...login, "C: x", "S: 334 p", "C: y", "S: 235 ok", "C: MAIL FROM:<>"], "Mail"],
    ["MAIL was sent", [...hello, "C: MAIL FROM:<>"], "Mail"],
    ["all was sent at once", [...hello, "C: MAIL FROM:<>", "C: RCPT TO:<a@b>", "C: DATA", "S: 250 ok"], "Rcpt"],
    ["DATA was sent", [...hello, "C: DATA"], "Data"],
    ["the content is under way", [...hello, "C: DATA", "S: 354 go"], "Content"],
    ["the content is under way after 250", [...hello, "C: DATA", "S: 250 go"], "Content"],
    ["DATA was refused", [...hello, "C: DATA", "S: 554 no"], "Data"],
  ])("is right when %s", (_, lines, stage) => expect(play(...lines).stage).toBe(stage));

  test("reads extensions, whatever their case, and forgets them after TLS", () => {
    expect([...play(...hello).extensions]).toEqual([
      ["PIPELINING", ""],
      ["SIZE", "1000"],
      ["8BITMIME", ""],
    ]);
    const after = play(...hello, "C: STARTTLS", "S: 220 go", "C: EHLO me", "S: 250 mx");
    expect([...after.extensions]).toEqual([]);
  });

  test("keeps each recipient's reply in order", () => {
    const dialogue = play(
      ...hello,
      "C: MAIL FROM:<>",
      "C: RCPT TO:<a@b>",
      "C: RCPT TO:<b@b>",
      "C: DATA",
      "S: 250 ok",
      "S: 550 no",
      "S: 250 ok",
      "S: 354 go",
      "S: 250 taken",
    );
    expect(dialogue.message).toEqual({
      mail: "250 ok",
      recipients: ["550 no", "250 ok"],
      data: "354 go",
      content: "250 taken",
    });
    dialogue.nextMessage();
    expect(dialogue.message).toEqual({ recipients: [] });
    expect(dialogue.extensions.has("8BITMIME")).toBe(true);
  });

  test("waits for one reply when an empty content is ended", () => {
    const dialogue = play(...hello, "C: DATA", "S: 354 go", "C: .", "S: 554 no recipients", "C: RSET");
    expect(dialogue.message.content).toBe("554 no recipients");
    expect(dialogue.stage).toBe("Idle");
  });
});
