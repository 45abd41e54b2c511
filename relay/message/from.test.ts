import { expect, test } from "vitest";
import { parseFrom } from "./from.ts";

test.each([
  ["a@b.example", "a@b.example"],
  ["<a@B.example>", "a@b.example"],
  ["A B <a@b.example>", "a@b.example"],
  ["Dr. A. B. <a@b.example>", "a@b.example"],
  ['"B, A" <a@b.example>', "a@b.example"],
  ['"x@evil.example" <a@b.example>', "a@b.example"],
  ['"quote \\" <x@evil.example>" <a@b.example>', "a@b.example"],
  ["=?utf-8?q?J=C3=BCrgen?= <a@b.example>", "a@b.example"],
  ["Jürgen <a@b.example>", "a@b.example"],
  ["(a comment) a@b.example (another (nested \\) one))", "a@b.example"],
  ["A (x@evil.example) <a@b.example> (done)", "a@b.example"],
  ['"a b"@b.example', '"a b"@b.example'],
  ["A <a@münchen.example>", "a@xn--mnchen-3ya.example"],
])("%s is by %s", (value, address) => {
  expect(parseFrom(value)).toMatchObject({ mailbox: { address } });
});

test.each([
  ["", "it holds no address"],
  ["A", "it has no domain"],
  ["<>", "it holds no address"],
  ["a@b.example, c@d.example", "it must hold exactly one address"],
  ["A <a@b.example>, C <c@d.example>", "it must hold exactly one address"],
  ["a@b.example,", "it must hold exactly one address"],
  ["Team: a@b.example;", "it must not hold a group or a route"],
  ["undisclosed:;", "it must not hold a group or a route"],
  ["<@x.example:a@b.example>", "it must not hold a group or a route"],
  ["x@evil.example <a@b.example>", "its display name must be quoted"],
  ["<x@evil.example> <a@b.example>", "it cannot be parsed"],
  ["A <a@b.example> <x@evil.example>", "it cannot be parsed"],
  ["A <a@b.example> x@evil.example", "it cannot be parsed"],
  ["A <a@b.example", "it cannot be parsed"],
  ["a@b.example>", "it cannot be parsed"],
  ["A <a @b.example>", "it cannot be parsed"],
  ["A <a(x)@b.example>", "it cannot be parsed"],
  ["A a@b.example", "it cannot be parsed"],
  ['"A <a@b.example>', "it cannot be parsed"],
  ["(A <a@b.example>", "it cannot be parsed"],
  ["A\u0001 <a@b.example>", "it cannot be parsed"],
  ["A <=?utf-8?q?a?=@b.example>", "its address holds an encoded word"],
  ["A <a@[192.0.2.1]>", "it cannot be parsed"],
  ["A <a@b>", "its domain is not fully qualified"],
])("%s is refused", (value, fault) => {
  expect(parseFrom(value)).toEqual({ fault });
});
