import { expect, test } from "vitest";
import { parseMailbox } from "./address.ts";
import { groupRecipients } from "./group.ts";

const recipients = ["a@x.example", "b@y.example", "c@X.example"].map((text) => {
  const parsed = parseMailbox(text);
  if ("fault" in parsed) throw new Error(parsed.fault);
  return parsed.mailbox;
});

test("recipients go by domain, in the order of the client", () => {
  expect(groupRecipients(recipients, false)).toEqual([
    { domain: "x.example", recipients: [{ address: "a@x.example" }, { address: "c@x.example" }] },
    { domain: "y.example", recipients: [{ address: "b@y.example" }] },
  ]);
});

test("a captured message is one delivery to nowhere", () => {
  expect(groupRecipients(recipients, true)).toEqual([
    { domain: "", recipients: [{ address: "a@x.example" }, { address: "b@y.example" }, { address: "c@x.example" }] },
  ]);
});
