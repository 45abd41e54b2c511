import { expect, test } from "vitest";
import { compareDmarc, dmarcValue, type DmarcPolicy } from "./dmarc-record.ts";
import type { ConclusiveAnswer, Verdict } from "./verdict.ts";

const records = (...texts: string[]): ConclusiveAnswer => ({ kind: "Records", values: texts.map((t) => [t]), ttl: 60 });
const none: DmarcPolicy = { policy: "None", testing: "Disabled" };
const quarantine: DmarcPolicy = { policy: "Quarantine", testing: "Disabled" };
const testing: DmarcPolicy = { policy: "Quarantine", testing: "Enabled" };
const reject: DmarcPolicy = { policy: "Reject", testing: "Disabled" };
const reported: DmarcPolicy = { ...none, rua: ["mailto:a@example.com", "mailto:b@example.com"] };

test.each<[DmarcPolicy, string]>([
  [none, "v=DMARC1; p=none"],
  [testing, "v=DMARC1; p=quarantine; t=y"],
  [{ ...reject, rua: ["mailto:a@example.com"] }, "v=DMARC1; p=reject; rua=mailto:a@example.com"],
  [reported, "v=DMARC1; p=none; rua=mailto:a@example.com,mailto:b@example.com"],
])("%j is %s, and Valid when published", (policy, value) => {
  expect(dmarcValue(policy)).toBe(value);
  expect(compareDmarc(policy, records(value)).verdict).toBe("Valid");
});

test.each<[string, DmarcPolicy, ConclusiveAnswer, Verdict]>([
  ["nothing there", none, { kind: "NXDomain" }, "Missing"],
  ["other text", none, records("v=spf1 -all", "p=none; v=DMARC1"), "Missing"],
  ["another version", none, records("v=DMARC2; p=none"), "Missing"],
  ["stricter than asked", none, records("v=DMARC1; p=reject"), "Valid"],
  ["weaker than asked", reject, records("v=DMARC1; p=quarantine"), "Mismatch"],
  ["testing where none is asked", quarantine, records("v=DMARC1; p=quarantine; t=y"), "Mismatch"],
  ["testing a stricter policy acts as the one below", quarantine, records("v=DMARC1; p=reject; t=y"), "Valid"],
  ["no testing where testing is asked", testing, records("v=DMARC1; p=quarantine"), "Valid"],
  ["none where testing is asked", testing, records("v=DMARC1; p=none"), "Mismatch"],
  ["a part of the mail", reject, records("v=DMARC1; p=reject; pct=50"), "Mismatch"],
  ["all of the mail", reject, records("v=DMARC1; p=reject; pct=100"), "Valid"],
  ["no policy is none", none, records("v=DMARC1; rua=mailto:x@example.com"), "Valid"],
  ["no policy is not reject", reject, records("v=DMARC1"), "Mismatch"],
  ["a misspelt policy", none, records("v=DMARC1; p=nine"), "Mismatch"],
  ["capitals in the policy", reject, records("v=DMARC1; p=Reject"), "Valid"],
  ["other spacing and tags", none, records("v=DMARC1;p=none;sp=reject;adkim=s;fo=1;"), "Valid"],
  ["a tag twice", none, records("v=DMARC1; p=none; p=reject"), "Mismatch"],
  ["one report address lacking", reported, records("v=DMARC1; p=none; rua=mailto:a@example.com"), "Mismatch"],
  [
    "more report addresses",
    reported,
    records("v=DMARC1; p=none; rua=mailto:x@x.example, mailto:B@example.com!10m,mailto:a@example.com"),
    "Valid",
  ],
  ["two records", none, records("v=DMARC1; p=none", "v=DMARC1; p=none"), "Mismatch"],
  ["two records, one of another kind", none, records("v=DMARC1; p=none", "hello"), "Valid"],
])("%s", (_, policy, answer, verdict) => {
  expect(compareDmarc(policy, answer).verdict).toBe(verdict);
});

test("a Valid record is reported as it stands, others as they should be", () => {
  expect(compareDmarc(none, records("v=DMARC1; p=reject; fo=1")).value).toBe("v=DMARC1; p=reject; fo=1");
  expect(compareDmarc(reject, records("v=DMARC1; p=none")).value).toBe("v=DMARC1; p=reject");
});
