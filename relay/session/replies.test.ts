import { expect, test } from "vitest";
import type { Reply } from "./reply.ts";
import * as replies from "./replies.ts";

const all = Object.entries(replies).flatMap<[string, Reply]>(([name, entry]) => {
  if (name === "replyText") return [];
  const reply = typeof entry === "function" ? (entry as (value: never) => Reply)("x" as never) : entry;
  return typeof reply === "string" ? [] : [[name, reply]];
});

test.each(all)("%s is a reply of RFC 5321 and RFC 3463", (_, { code, enhanced, text }) => {
  expect(enhanced).toMatch(new RegExp(`^(${Math.floor(code / 100)}\\.[0-9]\\.[0-9]{1,2})?$`));
  expect(replies.replyText({ code, enhanced, text })).toMatch(/^[2345][0-9]{2}( [ -~]{1,500})?$/);
});
