import { expect, test } from "vitest";
import { zoneStrings } from "./dns.ts";

const cases: readonly [what: string, value: string, strings: string][] = [
  ["a short value", "v=spf1 -all", '"v=spf1 -all"'],
  ["quotes and backslashes", 'a"b\\c', '"a\\"b\\\\c"'],
  ["255 octets", "x".repeat(255), `"${"x".repeat(255)}"`],
  ["256 octets", "x".repeat(256), `"${"x".repeat(255)}" "x"`],
  ["nothing", "", '""'],
];
test.each(cases)("%s as a zone file wants it", (_what, value, strings) => {
  expect(zoneStrings(value)).toBe(strings);
});
