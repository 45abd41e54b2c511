import { expect, test } from "vitest";
import { parseDomain, parseMailbox } from "./address.ts";

const good: Record<string, string> = {
  "a@b.example": "a@b.example",
  "First.Last+tag@B.Example": "First.Last+tag@b.example",
  "user%other.example@b.example": "user%other.example@b.example",
  "host!user@b.example": "host!user@b.example",
  '"a b"@b.example': '"a b"@b.example',
  '"a@c.example"@b.example': '"a@c.example"@b.example',
  '"a\\"b"@b.example': '"a\\"b"@b.example',
  "a@xn--mnchen-3ya.example": "a@xn--mnchen-3ya.example",
  "a@münchen.example": "a@xn--mnchen-3ya.example",
  "a@MÜNCHEN.example": "a@xn--mnchen-3ya.example",
  "grüße@b.example": "grüße@b.example",
  [`${"l".repeat(64)}@b.example`]: `${"l".repeat(64)}@b.example`,
};

test.each(Object.entries(good))("%s is a mailbox", (text, address) => {
  expect(parseMailbox(text)).toMatchObject({ mailbox: { address } });
});

const bad: Record<string, string> = {
  "": "it has no domain",
  postmaster: "it has no domain",
  "a@": "it has no domain",
  "@b.example": "source routes are not accepted",
  "@a.example,@b.example:c@d.example": "source routes are not accepted",
  "a@[192.0.2.1]": "address literals are not accepted",
  "a@[IPv6:2001:db8::1]": "address literals are not accepted",
  "a@localhost": "its domain is not fully qualified",
  "a@192.0.2.1": "its domain is not valid",
  "a@b.example.": "its domain is not valid",
  "a@.example": "its domain is not valid",
  "a@b..example": "its domain is not valid",
  "a@-b.example": "its domain is not valid",
  "a@b_c.example": "its domain is not valid",
  "a@ex%61mple.example": "its domain is not valid",
  "a@münchen.example/x": "its domain is not valid",
  "a@münchen.example:25": "its domain is not valid",
  "a@ex\u200bample.example": "its domain is not valid",
  "a@\u017fhop.example": "its domain is not valid",
  "a@shop\u3002example": "its domain is not valid",
  "a@\uff33hop.example": "its domain is not valid",
  "a@ban\u212a.example": "its domain is not valid",
  "a@sh\ufe00op.example": "its domain is not valid",
  "a@b\ufe00ü.example": "its domain is not valid",
  [`a@${"b".repeat(64)}.example`]: "its domain is not valid",
  [`a@${"b.".repeat(130)}example`]: "its domain is not valid",
  "a@c@b.example": "its domain is not valid",
  ".a@b.example": "its local part is not valid",
  "a.@b.example": "its local part is not valid",
  "a..b@b.example": "its local part is not valid",
  "a b@b.example": "its local part is not valid",
  "a\u200b@b.example": "its local part is not valid",
  '"a@b.example': "it has no domain",
  '"a"b@b.example': "its local part is not valid",
  [`${"l".repeat(65)}@b.example`]: "its local part is too long",
  [`${"ü".repeat(33)}@b.example`]: "its local part is too long",
  [`${"l".repeat(64)}@${"b".repeat(60)}.${"c".repeat(60)}.${"d".repeat(60)}.example`]: "it is too long",
};

test.each(Object.entries(bad))("%s is refused", (text, fault) => {
  expect(parseMailbox(text)).toEqual({ fault });
});

test("an address tells what it needs of a hop and of its client", () => {
  expect(parseMailbox("ü@b.example")).toMatchObject({ mailbox: { needsSmtpUtf8: true, nonAscii: true } });
  expect(parseMailbox("a@ü.example")).toMatchObject({ mailbox: { needsSmtpUtf8: false, nonAscii: true } });
  expect(parseMailbox("a@b.example")).toMatchObject({ mailbox: { needsSmtpUtf8: false, nonAscii: false } });
});

test("a domain is in lower-case A-labels", () => {
  expect(parseDomain("Bücher.Example")).toBe("xn--bcher-kva.example");
});
