import { expect, test } from "vitest";
import { compareDkim, compareRevoked, dkimValue, showsKey } from "./dkim-record.ts";
import { compareDmarc } from "./dmarc-record.ts";
import { compareAuthorisation } from "./report-authorisation.ts";
import { compareSpf } from "./spf-record.ts";
import type { ConclusiveAnswer } from "./verdict.ts";

const key = { algorithm: "RSA2048" as const, publicKey: "AAAA" };
const include = "_spf.relay.example.net";

/** What a zone gets whose `*` answers each question with one text. */
function verdicts(text: string): string {
  const answer: ConclusiveAnswer = { kind: "Records", values: [[text]], ttl: 60 };
  const dmarc = { policy: "None", testing: "Disabled" } as const;
  const found = [
    compareDkim(key, answer),
    compareRevoked(answer),
    compareSpf({ include, qualifier: "SoftFail" }, answer),
    compareDmarc(dmarc, answer),
    compareAuthorisation("shop.example", "reports.example", answer),
  ];
  return found.map(({ verdict }) => verdict).join(" ");
}

test.each<[string, string, boolean]>([
  ["v=spf1 -all", "Mismatch Mismatch NeedsMerge Missing Mismatch", false],
  [`v=spf1 include:${include} ~all`, "Mismatch Mismatch Valid Missing Mismatch", false],
  ["v=DMARC1; p=reject", "Mismatch Mismatch Missing Valid Valid", false],
  ["v=DKIM1; k=rsa; p=BBBB", "Mismatch Mismatch Missing Missing Mismatch", false],
  ["v=DKIM1; p=", "Mismatch Valid Missing Missing Mismatch", false],
  ["hello", "Mismatch Mismatch Missing Missing Mismatch", false],
  // One selector is as good as another, so this says that the domain is the claim's.
  [dkimValue(key), "Valid Mismatch Missing Missing Mismatch", true],
])("a wildcard that says %s everywhere", (text, expected, shown) => {
  expect(verdicts(text)).toBe(expected);
  expect(showsKey(key, { kind: "Records", values: [[text]], ttl: 60 })).toBe(shown);
});
