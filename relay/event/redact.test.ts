import { describe, expect, test } from "vitest";
import { longestText, redact } from "./redact.ts";

const cases: readonly { readonly name: string; readonly text: string; readonly want: string }[] = [
  { name: "plain text stays", text: "250 2.0.0 Ok", want: "250 2.0.0 Ok" },
  { name: "a multi-line reply becomes one line", text: "550-no\r\n550 such user", want: "550-no 550 such user" },
  { name: "controls that move a terminal's cursor go", text: "550 \u001b[2Jgone\u0007", want: "550  [2Jgone" },
  { name: "NUL and C1 go", text: "a\u0000b\u009bc", want: "a b c" },
  { name: "text that turns around goes", text: "a\u202etxt.exe\u2066", want: "a txt.exe" },
  {
    name: "an API key goes",
    text: `535 bad key ph_abcdefghij12_${"A".repeat(43)}BBBBBB, sorry`,
    want: "535 bad key [api key], sorry",
  },
  { name: "a key that is cut off goes", text: "ph_abcdefghij12_Axyz", want: "[api key]" },
  { name: "8-bit text stays", text: "550 não existe", want: "550 não existe" },
  { name: "a lone surrogate is replaced", text: "x\ud800y", want: "x\ufffdy" },
];

describe("redact", () => {
  test.each(cases)("$name", ({ text, want }) => expect(redact(text)).toBe(want));

  test("long text is cut", () => expect(redact("x".repeat(5000))).toHaveLength(longestText));

  test("the cut leaves no half character", () =>
    expect(redact("x".repeat(longestText - 1) + "\u{1f600}").isWellFormed()).toBe(true));
});
