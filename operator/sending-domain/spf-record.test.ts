import { expect, test } from "vitest";
import { compareSpf, type SpfPolicy } from "./spf-record.ts";
import type { ConclusiveAnswer, Verdict } from "./verdict.ts";

const policy: SpfPolicy = { include: "_spf.relay.example.net", qualifier: "SoftFail" };
const ours = "include:_spf.relay.example.net";
const records = (...texts: string[]): ConclusiveAnswer => ({ kind: "Records", values: texts.map((t) => [t]), ttl: 60 });

test.each<[string, ConclusiveAnswer, Verdict, string]>([
  ["nothing there", { kind: "NXDomain" }, "Missing", `v=spf1 ${ours} ~all`],
  ["other TXT records", records("google-site-verification=1", "v=spf10 x"), "Missing", `v=spf1 ${ours} ~all`],
  ["just ours", records(`v=spf1 ${ours} ~all`), "Valid", `v=spf1 ${ours} ~all`],
  ["ours among others", records("hello", `v=spf1 mx ${ours} -all`), "Valid", `v=spf1 mx ${ours} -all`],
  ["ours with a plus", records(`v=spf1 +${ours} -all`), "Valid", `v=spf1 +${ours} -all`],
  [
    "ours in capitals",
    records(`V=SPF1 INCLUDE:_SPF.RELAY.EXAMPLE.NET -ALL`),
    "Valid",
    `V=SPF1 INCLUDE:_SPF.RELAY.EXAMPLE.NET -ALL`,
  ],
  ["ours with a trailing dot", records(`v=spf1 ${ours}. -all`), "Valid", `v=spf1 ${ours}. -all`],
  [
    "in two strings",
    { kind: "Records", values: [["v=spf1 include:_spf.relay", ".example.net ~all"]], ttl: 1 },
    "Valid",
    `v=spf1 ${ours} ~all`,
  ],
  [
    "another's include",
    records("v=spf1 include:other.example -all"),
    "NeedsMerge",
    `v=spf1 ${ours} include:other.example -all`,
  ],
  ["nothing allowed yet", records("v=spf1 -all"), "NeedsMerge", `v=spf1 ${ours} -all`],
  ["an empty record", records("v=spf1"), "NeedsMerge", `v=spf1 ${ours}`],
  ["a redirect stays", records("v=spf1 redirect=other.example"), "NeedsMerge", `v=spf1 ${ours} redirect=other.example`],
  ["ours with a minus", records(`v=spf1 -${ours} a ~all`), "NeedsMerge", `v=spf1 ${ours} a ~all`],
  ["ours with a tilde", records(`v=spf1 ~${ours} ~all`), "NeedsMerge", `v=spf1 ${ours} ~all`],
  ["ours after all", records(`v=spf1 a -all ${ours}`), "NeedsMerge", `v=spf1 ${ours} a -all`],
  [
    "a longer name than ours",
    records(`v=spf1 ${ours}.evil.example ~all`),
    "NeedsMerge",
    `v=spf1 ${ours} ${ours}.evil.example ~all`,
  ],
  [
    "two records, one of them ours",
    records(`v=spf1 ${ours} ~all`, "v=spf1 mx -all"),
    "Mismatch",
    `v=spf1 ${ours} mx ~all`,
  ],
  [
    "two records, one of them a redirect",
    records("v=spf1 mx -all", "v=spf1 redirect=other.example"),
    "Mismatch",
    `v=spf1 ${ours} mx include:other.example -all`,
  ],
  [
    "two redirects",
    records("v=spf1 redirect=a.example", "v=spf1 redirect=b.example"),
    "Mismatch",
    `v=spf1 ${ours} include:a.example include:b.example ~all`,
  ],
  [
    "a redirect that an end makes void",
    records("v=spf1 a ~all redirect=a.example", "v=spf1 mx"),
    "Mismatch",
    `v=spf1 ${ours} a mx ~all`,
  ],
  ["two without an end", records("v=spf1 a", "v=spf1 mx"), "Mismatch", `v=spf1 ${ours} a mx ~all`],
])("%s", (_, answer, verdict, value) => {
  const found = compareSpf(policy, answer);
  expect(found.verdict).toBe(verdict);
  expect(found.value).toBe(value);
});

test("what to publish does not turn with the order of records", () => {
  const texts = ["v=spf1 mx -all", "v=spf1 a ~all"];
  const turned = compareSpf(policy, records(...texts.toReversed()));
  expect(compareSpf(policy, records(...texts))).toEqual(turned);
});

test.each([
  ["Fail", "-all"],
  ["SoftFail", "~all"],
  ["Neutral", "?all"],
] as const)("a new record ends by the qualifier %s", (qualifier, end) => {
  expect(compareSpf({ ...policy, qualifier }, { kind: "NoData" }).value).toBe(`v=spf1 ${ours} ${end}`);
});

test("a merged record needs no other merge", () => {
  const merged = compareSpf(policy, records("v=spf1 ip4:192.0.2.1 -include:_spf.relay.example.net ?all")).value;
  expect(compareSpf(policy, records(merged)).verdict).toBe("Valid");
});
