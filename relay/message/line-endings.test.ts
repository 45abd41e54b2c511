import { expect, test } from "vitest";
import { endOfLines, type LineFault, scanLines, startOfLines } from "./line-endings.ts";

const long = "x".repeat(998);
const cases: [string, LineFault | undefined][] = [
  ["", undefined],
  ["a\r\nb\r\n", undefined],
  ["a", undefined],
  ["\r\n\r\n", undefined],
  ["a\n", "BareLineFeed"],
  ["\n", "BareLineFeed"],
  ["a\r\n\n", "BareLineFeed"],
  ["a\rb\r\n", "BareCarriageReturn"],
  ["a\r\r\n", "BareCarriageReturn"],
  ["a\r", "BareCarriageReturn"],
  ["\r\0\n", "BareCarriageReturn"],
  ["a\0b\n", "Nul"],
  ["a\nb\0", "BareLineFeed"],
  ["a\0b\rc", "Nul"],
  ["\0\r", "Nul"],
  [`${long}\0\r\n`, "LongLine"],
  [`${long.slice(1)}\0y\r\n`, "Nul"],
  [`${long}\n`, "BareLineFeed"],
  [`${long}\r`, "BareCarriageReturn"],
  ["a\0\r\n", "Nul"],
  ["\x80\xff\r\n", undefined],
  [`${long}\r\n${long}\r\n`, undefined],
  [`a\r\n${long}y\r\n`, "LongLine"],
];

function faultOf(chunks: readonly Buffer[]): LineFault | undefined {
  return endOfLines(chunks.reduce(scanLines, startOfLines));
}

test.each(cases)("%j has the fault %s, wherever it is cut", (text, fault) => {
  const bytes = Buffer.from(text, "latin1");
  expect(faultOf([bytes])).toBe(fault);
  for (let cut = 0; cut <= bytes.length; cut++)
    expect(faultOf([bytes.subarray(0, cut), bytes.subarray(cut)])).toBe(fault);
  expect(faultOf([...bytes].map((octet) => Buffer.of(octet)))).toBe(fault);
});
