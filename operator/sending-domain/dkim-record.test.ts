import { expect, test } from "vitest";
import { compareDkim, dkimValue, type DkimKey } from "./dkim-record.ts";
import type { ConclusiveAnswer, Verdict } from "./verdict.ts";

const p = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA+/==";
const rsa: DkimKey = { algorithm: "RSA2048", publicKey: p };
const ed: DkimKey = { algorithm: "Ed25519", publicKey: "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" };
const records = (...texts: string[]): ConclusiveAnswer => ({ kind: "Records", values: texts.map((t) => [t]), ttl: 60 });

test.each<[string, ConclusiveAnswer, Verdict, RegExp]>([
  ["what was asked for", records(dkimValue(rsa)), "Valid", /is published/],
  ["nothing there", { kind: "NoData" }, "Missing", /not published/],
  ["no such name", { kind: "NXDomain" }, "Missing", /not published/],
  [
    "in strings of 255",
    { kind: "Records", values: [[`v=DKIM1; k=rsa; p=${p.slice(0, 9)}`, p.slice(9)]], ttl: 60 },
    "Valid",
    /is/,
  ],
  ["without v and k", records(`p=${p}`), "Valid", /is/],
  ["other spacing, order and a last semicolon", records(`v=DKIM1 ;  p = ${p} ; k=rsa ; n=a note;`), "Valid", /is/],
  ["white space in the key", records(`v=DKIM1; k=rsa; p=${p.slice(0, 9)} \t${p.slice(9)}`), "Valid", /is/],
  ["a malformed tag name", records(`v=DKIM1; k=rsa; x-new=1; p=${p}`), "Mismatch", /not a DKIM record/],
  ["unknown tag", records(`v=DKIM1; k=rsa; zz=1; p=${p}`), "Valid", /is/],
  ["strict subdomains", records(`v=DKIM1; k=rsa; t=s; p=${p}`), "Valid", /is/],
  ["sha256 allowed", records(`v=DKIM1; h=sha1:sha256; p=${p}`), "Valid", /is/],
  ["any service", records(`v=DKIM1; s=*; p=${p}`), "Valid", /is/],
  ["only sha1", records(`v=DKIM1; h=sha1; p=${p}`), "Mismatch", /sha256/],
  ["another service", records(`v=DKIM1; s=tlsrpt; p=${p}`), "Mismatch", /email/],
  ["testing", records(`v=DKIM1; t=y:s; p=${p}`), "Mismatch", /absent/],
  ["revoked", records("v=DKIM1; p="), "Mismatch", /revokes/],
  ["a foreign key", records("v=DKIM1; k=rsa; p=AAAABBBBCCCCDDDDEEEE"), "Mismatch", /another key/],
  ["a part of the key", records(`v=DKIM1; k=rsa; p=${p.slice(0, 30)}`), "Mismatch", /only a part/],
  ["another type", records(`v=DKIM1; k=ed25519; p=${p}`), "Mismatch", /not rsa/],
  ["v in the wrong place", records(`k=rsa; v=DKIM1; p=${p}`), "Mismatch", /begin/],
  ["another version", records(`v=DKIM2; p=${p}`), "Mismatch", /begin/],
  ["a tag twice", records(`v=DKIM1; p=${p}; p=${p}`), "Mismatch", /not a DKIM record/],
  ["no key at all", records("v=DKIM1; k=rsa"), "Mismatch", /no p=/],
  ["a wildcard's SPF record", records("v=spf1 -all"), "Mismatch", /begin|no p=/],
  ["any text", records("hello"), "Mismatch", /not a DKIM record/],
  ["two records, one of them right", records(dkimValue(rsa), "v=DKIM1; p=AAAA"), "Mismatch", /2 TXT records/],
  ["the right one twice", records(dkimValue(rsa), dkimValue(rsa)), "Mismatch", /2 TXT records/],
])("%s", (_, answer, verdict, explanation) => {
  const found = compareDkim(rsa, answer);
  expect(found.verdict).toBe(verdict);
  expect(found.explanation).toMatch(explanation);
  expect(found.value).toBe(`v=DKIM1; k=rsa; p=${p}`);
  expect(found.observed === undefined).toBe(verdict === "Valid" || verdict === "Missing");
});

test("an Ed25519 record needs its k tag", () => {
  expect(compareDkim(ed, records(dkimValue(ed))).verdict).toBe("Valid");
  expect(compareDkim(ed, records(`v=DKIM1; p=${ed.publicKey}`)).verdict).toBe("Mismatch");
});

test("what was found is harmless to show", () => {
  const { observed } = compareDkim(rsa, records("v=DKIM1;\u001b[31m\n p=x\u202e", `b${"c".repeat(9000)}`));
  expect(observed).toHaveLength(4096);
  expect(observed).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});
