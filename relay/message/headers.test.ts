import { expect, test } from "vitest";
import { fieldText, findRepeated, mostFields, mostHeaderOctets, parseHeader } from "./headers.ts";

function read(text: string): unknown {
  const content = Buffer.from(text);
  const header = parseHeader(content);
  if ("fault" in header) return header.fault;
  const fields = header.fields.map((field) => [field.name, fieldText(content, field)]);
  return { fields, rest: text.slice(header.end), hasBody: header.hasBody };
}

test.each<[string, unknown]>([
  ["", { fields: [], rest: "", hasBody: false }],
  ["\r\nbody\r\n", { fields: [], rest: "\r\nbody\r\n", hasBody: true }],
  ["A: b\r\n", { fields: [["a", "b"]], rest: "", hasBody: false }],
  ["A: \t\u00a0b\ufeff \r\n", { fields: [["a", "\u00a0b\ufeff"]], rest: "", hasBody: false }],
  ["A: b\r\n\r\n", { fields: [["a", "b"]], rest: "\r\n", hasBody: true }],
  [
    "From:\r\n a\r\n\tb\r\nTo:c\r\n\r\nx",
    {
      fields: [
        ["from", "a\tb"],
        ["to", "c"],
      ],
      rest: "\r\nx",
      hasBody: true,
    },
  ],
  [
    "A: b\r\n \r\nC: d\r\n\r\n",
    {
      fields: [
        ["a", "b"],
        ["c", "d"],
      ],
      rest: "\r\n",
      hasBody: true,
    },
  ],
  ["X-*?!: v\r\n", { fields: [["x-*?!", "v"]], rest: "", hasBody: false }],
  ["just text\r\n", "line 1 of its header is no header field"],
  ["A: b\r\nFrom : c\r\n", "line 2 of its header is no header field"],
  [" folded\r\n", "line 1 of its header is no header field"],
  [": b\r\n", "line 1 of its header is no header field"],
  ["Ä: b\r\n", "line 1 of its header is no header field"],
  ["From x@y Thu Jan 1\r\nA: b\r\n", "line 1 of its header is no header field"],
  ["A: b\r\n".repeat(mostFields + 1), `it has more than ${mostFields} header fields`],
  [`A: b\r\n${" folded line\r\n".repeat(20_000)}`, `its header is larger than ${mostHeaderOctets} octets`],
])("header %#", (text, expected) => {
  expect(read(text)).toEqual(expected);
});

test.each([
  ["From: a\r\nTo: b\r\nX: 1\r\nX: 2\r\nBcc: a\r\nBcc: b\r\nReceived: c\r\nReceived: d\r\n", undefined],
  ["From: a\r\nX: b\r\nFROM: c\r\n", "from"],
  ["Subject: a\r\nsubject: b\r\n", "subject"],
  ["Content-Type: a\r\nContent-Type: b\r\n", "content-type"],
])("%j repeats %s", (text, expected) => {
  const header = parseHeader(Buffer.from(text));
  if ("fault" in header) throw new Error(header.fault);
  expect(findRepeated(header)).toBe(expected);
});
