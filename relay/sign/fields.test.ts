import { expect, test } from "vitest";
import { readHeader } from "./fields.ts";

const cases: readonly [what: string, content: string, fields: readonly (readonly [string, string])[], body: string][] =
  [
    [
      "a header and a body",
      "From: a\r\nTo: b\r\n\r\nbody",
      [
        ["from", "From: a"],
        ["to", "To: b"],
      ],
      "body",
    ],
    [
      "folds",
      "A: 1\r\n 2\r\n\t3\r\nB: 4\r\n\r\n",
      [
        ["a", "A: 1\r\n 2\r\n\t3"],
        ["b", "B: 4"],
      ],
      "",
    ],
    ["a fold of white space only", "A: 1\r\n \r\n 2\r\n\r\nx", [["a", "A: 1\r\n \r\n 2"]], "x"],
    ["white space before the colon", "From \t: a\r\n\r\n", [["from", "From \t: a"]], ""],
    ["a header without a body", "From: a\r\n", [["from", "From: a"]], ""],
    ["a header without a line end", "From: a", [["from", "From: a"]], ""],
    ["no header", "\r\nFrom: a\r\n\r\nb", [], "From: a\r\n\r\nb"],
    ["nothing", "", [], ""],
    [
      "a line that is no field, with a fold",
      "From: a\r\nnonsense\r\n folded: x\r\nTo: b\r\n\r\n",
      [
        ["from", "From: a"],
        ["to", "To: b"],
      ],
      "",
    ],
    [
      "the same name twice",
      "To: a\r\nTO: b\r\n\r\n",
      [
        ["to", "To: a"],
        ["to", "TO: b"],
      ],
      "",
    ],
    ["a body that starts with empty lines", "A: 1\r\n\r\n\r\n\r\nx", [["a", "A: 1"]], "\r\n\r\nx"],
    ["octets over 127", "Subject: \u00c3\u00a4\r\n\r\n", [["subject", "Subject: \u00c3\u00a4"]], ""],
  ];
test.each(cases)("readHeader reads %s", (_what, content, fields, body) => {
  const octets = Buffer.from(content, "latin1");
  const header = readHeader(octets);
  expect(header.fields.map((field) => [field.name, field.text])).toEqual(fields);
  expect(octets.subarray(header.bodyStart).toString("latin1")).toBe(body);
});
