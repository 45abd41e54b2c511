import { expect, test } from "vitest";
import { namespaceAllowed, namespacePattern } from "./namespace-pattern.ts";

test.each([
  ["*", "team-shop", true],
  ["team-*", "team-shop", true],
  ["team-*", "team-", true],
  ["team-*", "other", false],
  ["team-shop", "team-shop", true],
  ["team-shop", "team-shop-2", false],
])("%s allows %s: %s", (pattern, namespace, expected) => {
  expect(namespaceAllowed([pattern], namespace)).toBe(expected);
  expect(namespaceAllowed(["none", pattern], namespace)).toBe(expected);
  expect(namespaceAllowed([], namespace)).toBe(false);
});

test.each(["*", "team-*", "a", "team-shop"])("%s is a pattern", (text) => {
  expect(text).toMatch(new RegExp(namespacePattern));
});

test.each(["", "*-shop", "a**", "Team", "-a", "a-"])("%s is no pattern", (text) => {
  expect(text).not.toMatch(new RegExp(namespacePattern));
});
