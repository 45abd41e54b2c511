import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { relaxedField, RelaxedBody } from "./canonicalise.ts";

function canonical(...chunks: readonly Uint8Array[]): string {
  let text = "";
  const body = new RelaxedBody((octets) => (text += Buffer.from(octets).toString("latin1")));
  for (const chunk of chunks) body.update(chunk);
  body.end();
  return text;
}

/** The rules of RFC 6376 §3.4.4 as plainly as they can be said, to compare with. */
function plainly(body: string): string {
  const lines = body.split("\r\n").map((line) => line.replaceAll(/[ \t]+/g, " ").replace(/ $/, ""));
  while (lines.at(-1) === "") lines.pop();
  return lines.map((line) => `${line}\r\n`).join("");
}

describe("relaxedField", () => {
  const cases: readonly [what: string, field: string, relaxed: string][] = [
    ["RFC 6376 §3.4.5, first", "A: X", "a:X"],
    ["RFC 6376 §3.4.5, second", "B : Y\t\r\n\tZ  ", "b:Y Z"],
    ["a folded subject", "Subject: one\r\n two\r\n\t three", "subject:one two three"],
    ["nothing after the colon", "Subject:", "subject:"],
    ["only white space after the colon", "Subject: \t ", "subject:"],
    ["a fold right after the colon", "Subject:\r\n text", "subject:text"],
    ["a fold of white space only", "Subject: a\r\n \t\r\n b", "subject:a b"],
    ["more colons", "Reply-To : a:b", "reply-to:a:b"],
    [
      "UTF-8 octets, of which one is a no-break space",
      "Subject: \u00c2\u00a0x\u00c3\u00a0 ",
      "subject:\u00c2\u00a0x\u00c3\u00a0",
    ],
    ["a vertical tab and a form feed stay", "Subject: a\v\fb", "subject:a\v\fb"],
  ];
  test.each(cases)("%s", (_what, field, relaxed) => {
    expect(relaxedField(field)).toBe(relaxed);
  });
});

describe("RelaxedBody", () => {
  const cases: readonly [what: string, body: string, relaxed: string][] = [
    ["RFC 6376 §3.4.5", " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"],
    ["nothing", "", ""],
    ["one empty line", "\r\n", ""],
    ["empty lines only", "\r\n\r\n\r\n", ""],
    ["white space only", " \t \r\n\t\r\n ", ""],
    ["no line end at the end", "text", "text\r\n"],
    ["white space at the end", "text \t", "text\r\n"],
    ["empty lines at the start and inside stay", "\r\n\r\na\r\n\r\nb\r\n", "\r\n\r\na\r\n\r\nb\r\n"],
    ["a line of white space becomes empty", "a\r\n \t\r\nb\r\n", "a\r\n\r\nb\r\n"],
    ["empty lines with white space at the end go", "a\r\n \r\n\t\r\n\r\n", "a\r\n"],
    ["runs of white space", "a  b\t\tc \t d\te\r\n", "a b c d e\r\n"],
    ["white space at the start of a line", "  a\r\n\tb\r\n", " a\r\n b\r\n"],
    ["octets over 127", "\u00e4  \u00ff\u00a0 \r\n", "\u00e4 \u00ff\u00a0\r\n"],
    ["a lone CR is an octet", "a \r b\r\r\n", "a \r b\r\r\n"],
    ["a lone LF is an octet", "a \n b\n\r\n", "a \n b\n\r\n"],
    ["a CR at the end is an octet", "a\r\n\r", "a\r\n\r\r\n"],
    ["NUL is an octet", "\0 \0", "\0 \0\r\n"],
  ];
  test.each(cases)("%s", (_what, body, relaxed) => {
    expect(canonical(Buffer.from(body, "latin1"))).toBe(relaxed);
  });

  test("does not depend on where the body is cut, and keeps to the plain rules", () => {
    const piece = fc.constantFrom(" ", "\t", "\r\n", "\r", "\n", "a", "bc", "\u00e9", "d ", " e", "f".repeat(70));
    const body = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(body, fc.array(fc.nat(200), { maxLength: 6 }), (text, cuts) => {
        const octets = Buffer.from(text, "latin1");
        const places = [0, ...cuts.map((cut) => cut % (octets.length + 1)).toSorted((a, b) => a - b), octets.length];
        const chunks = places.slice(1).map((end, index) => octets.subarray(places[index], end));
        expect(canonical(...chunks)).toBe(plainly(text));
      }),
      { numRuns: 1000 },
    );
  });

  test("keeps every octet of a large body, whose portions end inside words, spaces and line ends", () => {
    for (const line of ["x".repeat(998), "word ".repeat(199), "ab\r\n\r\n", "a  b\t"]) {
      const text = `${line.repeat(Math.ceil(100_000 / line.length))}\r\n`;
      expect(canonical(Buffer.from(text))).toBe(plainly(text));
    }
  });
});
