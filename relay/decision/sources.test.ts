import { expect, test } from "vitest";
import { isAllowedSource } from "./sources.ts";

test.each<[string, string[], boolean]>([
  ["192.0.2.1", [], true],
  ["10.1.2.3", ["10.0.0.0/8"], true],
  ["11.1.2.3", ["10.0.0.0/8"], false],
  ["192.0.2.1", ["10.0.0.0/8", "192.0.2.1/32"], true],
  ["192.0.2.2", ["192.0.2.1/32"], false],
  ["::ffff:10.1.2.3", ["10.0.0.0/8"], true],
  ["10.1.2.3", ["::ffff:10.0.0.0/104"], true],
  ["11.1.2.3", ["::ffff:10.0.0.0/104"], false],
  ["10.1.2.3", ["::/0"], false],
  ["10.1.2.3", ["::ffff:10.0.0.0/90"], false],
  ["2001:db8::1", ["2001:db8::/32"], true],
  ["2001:db9::1", ["2001:db8::/32"], false],
  ["2001:db8::1", ["0.0.0.0/0"], false],
  ["10.1.2.3", ["nonsense", "10.0.0.0/99"], false],
  ["", ["0.0.0.0/0"], false],
])("%s in %j: %s", (address, blocks, expected) => {
  expect(isAllowedSource(address, blocks)).toBe(expected);
});
