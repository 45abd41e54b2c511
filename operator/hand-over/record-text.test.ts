import { expect, test } from "vitest";
import { characterStrings } from "./record-text.ts";

test.each([
  ["", [""]],
  ["a".repeat(255), ["a".repeat(255)]],
  ["a".repeat(256), ["a".repeat(255), "a"]],
  ["a".repeat(600), ["a".repeat(255), "a".repeat(255), "a".repeat(90)]],
])("splits at 255", (value, parts) => {
  expect(characterStrings(value)).toEqual(parts);
});
