import { expect, test } from "vitest";
import type { Answer } from "../../net/resolver.ts";
import { compareDmarc, type DmarcPolicy } from "./dmarc-record.ts";
import { organisationalDomain, walkedDomains } from "./dmarc-tree.ts";
import type { LookUp } from "./look-up.ts";
import { compareAuthorisation, foreignReceivers } from "./report-authorisation.ts";
import type { Verdict } from "./verdict.ts";

type Zone = Readonly<Record<string, string | readonly string[]>>;

/** DMARC records by domain; what is not in it does not exist. */
function dns(zone: Zone): LookUp {
  const known = (name: string): Answer<"TXT"> => {
    const found = zone[name.replace("_dmarc.", "")];
    if (found === "failed") return { kind: "Failed", reason: "timeout" };
    return found === undefined
      ? { kind: "NXDomain" }
      : { kind: "Records", values: [found].flat().map((text) => [text]), ttl: 60 };
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only TXT is asked for
  return known as LookUp;
}

test.each<[string, readonly string[]]>([
  ["example", ["example"]],
  ["a.b.example", ["a.b.example", "b.example", "example"]],
  [
    "1.2.3.4.5.6.7.example",
    [
      "1.2.3.4.5.6.7.example",
      "2.3.4.5.6.7.example",
      "3.4.5.6.7.example",
      "4.5.6.7.example",
      "5.6.7.example",
      "6.7.example",
      "7.example",
      "example",
    ],
  ],
  [
    "a.b.c.d.1.2.3.4.5.6.7.example",
    [
      "a.b.c.d.1.2.3.4.5.6.7.example",
      "2.3.4.5.6.7.example",
      "3.4.5.6.7.example",
      "4.5.6.7.example",
      "5.6.7.example",
      "6.7.example",
      "7.example",
      "example",
    ],
  ],
])("the walk from %s", (domain, walked) => {
  expect(walkedDomains(domain)).toEqual(walked);
  expect(walked.length).toBeLessThanOrEqual(8);
});

test.each<[string, string, Zone, string]>([
  ["no record anywhere", "a.shop.example", {}, "a.shop.example"],
  ["its own", "shop.example", { "shop.example": "v=DMARC1; p=none" }, "shop.example"],
  [
    "the highest",
    "a.b.shop.example",
    { "b.shop.example": "v=DMARC1; p=none", "shop.example": "v=DMARC1; p=none" },
    "shop.example",
  ],
  [
    "one that says that it is one",
    "a.b.shop.example",
    { "b.shop.example": "v=DMARC1; p=none; psd=n", "shop.example": "v=DMARC1; p=none" },
    "b.shop.example",
  ],
  ["below a public suffix", "a.b.shop.example", { example: "v=DMARC1; p=none; psd=y" }, "shop.example"],
  ["a public suffix itself", "example", { example: "v=DMARC1; p=none; psd=y" }, "example"],
  [
    "unknown psd",
    "a.shop.example",
    { "shop.example": "v=DMARC1; p=none; psd=u", example: "v=DMARC1; p=none" },
    "example",
  ],
  [
    "two records are none",
    "a.shop.example",
    { "shop.example": ["v=DMARC1; p=none", "v=DMARC1; p=none"] },
    "a.shop.example",
  ],
])("the organisational domain: %s", (...[, domain, zone, organisation]) => {
  expect(organisationalDomain(domain, dns(zone))).toBe(organisation);
});

const none: DmarcPolicy = { policy: "None", testing: "Disabled" };
const quarantine: DmarcPolicy = { policy: "Quarantine", testing: "Disabled" };
const reject: DmarcPolicy = { policy: "Reject", testing: "Disabled" };
const reported: DmarcPolicy = { ...none, rua: ["mailto:r@shop.example"] };

test.each<[string, DmarcPolicy, string | readonly string[], Verdict, string]>([
  ["nothing is inherited", reject, [], "Missing", "v=DMARC1; p=reject"],
  ["p of the parent", reject, "v=DMARC1; p=reject", "Valid", "v=DMARC1; p=reject"],
  ["sp before p", reject, "v=DMARC1; p=reject; sp=none", "Missing", "v=DMARC1; p=reject"],
  ["sp that is strict enough", quarantine, "v=DMARC1; p=none; sp=reject", "Valid", "v=DMARC1; p=reject"],
  ["np counts for no domain that is there", reject, "v=DMARC1; p=none; np=reject", "Missing", "v=DMARC1; p=reject"],
  ["the parent only tests", reject, "v=DMARC1; p=reject; t=y", "Missing", "v=DMARC1; p=reject"],
  ["a test of reject acts as quarantine", quarantine, "v=DMARC1; p=reject; t=y", "Valid", "v=DMARC1; p=reject; t=y"],
  [
    "stricter than asked, but without reports",
    reported,
    "v=DMARC1; p=reject; rua=mailto:x@x.example",
    "Missing",
    "v=DMARC1; p=reject; rua=mailto:x@x.example,mailto:r@shop.example",
  ],
  [
    "with reports",
    reported,
    "v=DMARC1; p=reject; rua=mailto:r@shop.example!5m",
    "Valid",
    "v=DMARC1; p=reject; rua=mailto:r@shop.example!5m",
  ],
  ["a parent without policy and reports counts for nothing", none, "v=DMARC1; sp=nine", "Missing", "v=DMARC1; p=none"],
  ["a parent that cannot be asked", none, "failed", "Unknown", "v=DMARC1; p=none"],
])("a domain without a record of its own: %s", (...[, policy, parent, verdict, value]) => {
  const lookUp = dns({ "shop.example": parent });
  const found = compareDmarc(policy, { kind: "NXDomain" }, { domain: "mail.shop.example", exists: true, lookUp });
  expect(found.verdict).toBe(verdict);
  expect(found.value).toBe(value);
});

test("np counts for a domain that does not exist", () => {
  const lookUp = dns({ "shop.example": "v=DMARC1; p=none; sp=none; np=reject" });
  const found = compareDmarc(reject, { kind: "NXDomain" }, { domain: "mail.shop.example", exists: false, lookUp });
  expect(found.verdict).toBe("Valid");
});

test("a public suffix speaks for who says nothing", () => {
  const lookUp = dns({ example: "v=DMARC1; p=none; sp=reject; psd=y" });
  const found = compareDmarc(reject, { kind: "NoData" }, { domain: "shop.example", exists: true, lookUp });
  expect(found.verdict).toBe("Valid");
  expect(found.explanation).toContain("sp= at _dmarc.example");
});

test.each<[DmarcPolicy, string, string]>([
  [reject, "v=DMARC1; p=none; fo=1; rua=mailto:x@x.example", "v=DMARC1; p=reject; fo=1; rua=mailto:x@x.example"],
  [reject, "v=DMARC1; p=reject; pct=5; t=y", "v=DMARC1; p=reject"],
  [reported, "v=DMARC1; p=quarantine", "v=DMARC1; p=quarantine; rua=mailto:r@shop.example"],
  [
    reported,
    "v=DMARC1; p=none; rua=mailto:x@x.example",
    "v=DMARC1; p=none; rua=mailto:x@x.example,mailto:r@shop.example",
  ],
  [none, "v=DMARC1", "v=DMARC1; p=none"],
])("%j turns %s into %s, which is Valid", (policy, stands, value) => {
  const found = compareDmarc(policy, { kind: "Records", values: [[stands]], ttl: 60 });
  expect(found).toMatchObject({ verdict: "Mismatch", value });
  expect(compareDmarc(policy, { kind: "Records", values: [[value]], ttl: 60 }).verdict).toBe("Valid");
});

test.each<[string, readonly string[], Zone, readonly string[]]>([
  ["itself", ["mailto:a@shop.example"], {}, []],
  ["nothing known of the organisation", ["mailto:a@other.example"], {}, ["other.example"]],
  ["one organisation", ["mailto:a@reports.shop.example"], { "shop.example": "v=DMARC1; p=none" }, []],
  [
    "a suffix is no organisation",
    ["mailto:a@other.example"],
    { example: "v=DMARC1; p=none; psd=y" },
    ["other.example"],
  ],
  ["each once, sorted", ["mailto:a@z.test", "mailto:b@A.test", "mailto:c@z.test"], {}, ["a.test", "z.test"]],
])("who must take reports: %s", (...[, rua, zone, hosts]) => {
  const found = foreignReceivers("shop.example", rua, dns(zone));
  expect(found.map(({ host }) => host)).toEqual(hosts);
  expect(found.map(({ fqdn }) => fqdn)).toEqual(hosts.map((host) => `shop.example._report._dmarc.${host}`));
});

test.each<[string, readonly string[], Verdict]>([
  ["nothing", [], "Missing"],
  ["the record", ["v=DMARC1"], "Valid"],
  ["the record with another rua", ["v=DMARC1; rua=mailto:x@z.test"], "Valid"],
  ["something else", ["hello"], "Mismatch"],
])("authorised by %s", (_, texts, verdict) => {
  const answer = { kind: "Records" as const, values: texts.map((text) => [text]), ttl: 60 };
  expect(compareAuthorisation("shop.example", "z.test", answer).verdict).toBe(verdict);
});
