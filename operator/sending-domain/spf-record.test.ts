import { expect, test } from "vitest";
import type { Answer } from "../../net/resolver.ts";
import type { LookUp, Question } from "./look-up.ts";
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
    `v=spf1 include:other.example ${ours} -all`,
  ],
  ["nothing allowed yet", records("v=spf1 -all"), "NeedsMerge", `v=spf1 ${ours} -all`],
  ["an empty record", records("v=spf1"), "NeedsMerge", `v=spf1 ${ours}`],
  ["a redirect stays", records("v=spf1 redirect=other.example"), "NeedsMerge", `v=spf1 ${ours} redirect=other.example`],
  ["ours with a minus", records(`v=spf1 -${ours} a ~all`), "NeedsMerge", `v=spf1 a ${ours} ~all`],
  ["ours with a tilde", records(`v=spf1 ~${ours} ~all`), "NeedsMerge", `v=spf1 ${ours} ~all`],
  ["ours after all", records(`v=spf1 a -all ${ours} mx`), "NeedsMerge", `v=spf1 a ${ours} -all mx`],
  [
    "a longer name than ours",
    records(`v=spf1 ${ours}.evil.example ~all`),
    "NeedsMerge",
    `v=spf1 ${ours}.evil.example ${ours} ~all`,
  ],
  [
    "a term that is a word of JavaScript's, not of SPF",
    records(`v=spf1 ${ours} constructor ~all`),
    "Mismatch",
    `v=spf1 ${ours} constructor ~all`,
  ],
  [
    "two records, one of them ours",
    records(`v=spf1 ${ours} ~all`, "v=spf1 mx -all"),
    "Mismatch",
    `v=spf1 mx ${ours} ~all`,
  ],
  [
    "two records, one of them a redirect",
    records("v=spf1 mx -all", "v=spf1 redirect=other.example"),
    "Mismatch",
    `v=spf1 mx include:other.example ${ours} -all`,
  ],
  [
    "two redirects",
    records("v=spf1 redirect=a.example", "v=spf1 redirect=b.example"),
    "Mismatch",
    `v=spf1 include:a.example include:b.example ${ours} ~all`,
  ],
  [
    "a redirect that an end makes void",
    records("v=spf1 a ~all redirect=a.example", "v=spf1 mx"),
    "Mismatch",
    `v=spf1 a mx ${ours} ~all`,
  ],
  ["two without an end", records("v=spf1 a", "v=spf1 mx"), "Mismatch", `v=spf1 a mx ${ours} ~all`],
])("%s", (_, answer, verdict, value) => {
  const found = compareSpf(policy, answer);
  expect(found.verdict).toBe(verdict);
  expect(found.value).toBe(value);
});

/** A DNS of TXT records, and of names with addresses; what is not in it does not exist. */
function dns(texts: Readonly<Record<string, string | readonly string[]>>, addresses: readonly string[] = []): LookUp {
  const known: Resolved = (name, type) => {
    const found = type === "TXT" ? texts[name] : undefined;
    if (found === "failed") return { kind: "Failed", reason: "timeout" };
    if (found !== undefined) return { kind: "Records", values: [found].flat().map((text) => [text]), ttl: 60 };
    if (type === "A" && addresses.includes(name)) return { kind: "Records", values: ["192.0.2.1"], ttl: 60 };
    return { kind: "NXDomain" };
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one function for all types
  return known as LookUp;
}
type Resolved = (name: string, type: Question["type"]) => Answer<"TXT"> | Answer<"A">;

const fleet = { "_spf.relay.example.net": "v=spf1 ip4:192.0.2.0/24 -all" };
const chain = (length: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length }, (_, i) => [`n${i}.example`, `v=spf1 include:n${i + 1}.example ?all`]));
const judge = (record: string, lookUp: LookUp) =>
  compareSpf(policy, records(record), { domain: "shop.example", lookUp });

test.each<[string, string, LookUp, Verdict, RegExp]>([
  [
    "nested twice",
    "v=spf1 include:n0.example -all",
    dns({ ...fleet, ...chain(1), "n1.example": `v=spf1 ${ours} -all` }),
    "Valid",
    /takes 3 of 10/,
  ],
  [
    "behind a redirect",
    "v=spf1 redirect=n1.example",
    dns({ ...fleet, "n1.example": `v=spf1 ${ours} -all` }),
    "Valid",
    /takes 2 of 10/,
  ],
  ["a redirect to the fleet", "v=spf1 redirect=_spf.relay.example.net", dns(fleet), "Valid", /takes 1 of/],
  [
    "a redirect that all hides",
    "v=spf1 redirect=n1.example -all",
    dns({ ...fleet, "n1.example": `v=spf1 ${ours} -all` }),
    "NeedsMerge",
    /does not include/,
  ],
  [
    "nested where it does not pass",
    "v=spf1 ~include:n1.example -all",
    dns({ ...fleet, "n1.example": `v=spf1 ${ours} -all` }),
    "NeedsMerge",
    /does not include/,
  ],
  [
    "nested behind all",
    "v=spf1 include:n1.example -all",
    dns({ ...fleet, "n1.example": `v=spf1 -all ${ours}` }),
    "NeedsMerge",
    /does not include/,
  ],
  [
    "ten look-ups",
    `v=spf1 ${ours} a:h.example a:h.example a:h.example a:h.example a:h.example a:h.example a:h.example a:h.example ptr -all`,
    dns(fleet, ["h.example"]),
    "Valid",
    /takes 10 of 10/,
  ],
  [
    "eleven look-ups",
    `v=spf1 ${ours} a:h.example a:h.example a:h.example a:h.example a:h.example a:h.example a:h.example a:h.example ptr exists:%{i}.x.example -all`,
    dns(fleet, ["h.example"]),
    "Mismatch",
    /takes 11 look-ups where 10 are allowed/,
  ],
  [
    "a long chain",
    `v=spf1 ${ours} include:n0.example -all`,
    dns({ ...fleet, ...chain(40) }),
    "Mismatch",
    /more than 15 look-ups .*include:n0\.example \(15\)/,
  ],
  ["look-ups behind all", `v=spf1 ${ours} -all ${"ptr ".repeat(30)}`, dns(fleet), "Valid", /takes 1 of/],
  ["two in vain", `v=spf1 ${ours} a:x.example a:y.example -all`, dns(fleet), "Valid", /takes 3 of/],
  [
    "three in vain",
    `v=spf1 ${ours} a:x.example a:y.example mx -all`,
    dns(fleet),
    "Mismatch",
    /3 of its look-ups find nothing where 2 may.*x\.example, y\.example, shop\.example/,
  ],
  [
    "an include of nothing",
    `v=spf1 ${ours} include:gone.example -all`,
    dns(fleet),
    "Mismatch",
    /"include:gone.example" names a domain without an SPF record/,
  ],
  [
    "an include of two",
    `v=spf1 ${ours} include:two.example -all`,
    dns({ ...fleet, "two.example": ["v=spf1 -all", "v=spf1 a"] }),
    "Mismatch",
    /a domain with 2 SPF records/,
  ],
  [
    "a circle",
    `v=spf1 ${ours} include:n0.example -all`,
    dns({ ...fleet, "n0.example": "v=spf1 include:n1.example", "n1.example": "v=spf1 include:n0.example" }),
    "Mismatch",
    /circle: shop.example, n0.example, n1.example, n0.example/,
  ],
  ["itself", `v=spf1 ${ours} include:shop.example -all`, dns(fleet), "Mismatch", /circle/],
  [
    "a fault",
    `v=spf1 ${ours} ipv4:192.0.2.1 -all`,
    dns(fleet),
    "Mismatch",
    /"ipv4:192.0.2.1" at shop.example is no term/,
  ],
  ["a fault behind all", `v=spf1 ${ours} -all include:`, dns(fleet), "Mismatch", /is no term/],
  [
    "two redirects",
    `v=spf1 ${ours} redirect=a.example redirect=b.example`,
    dns({ ...fleet, "a.example": "v=spf1 -all" }),
    "Mismatch",
    /one too many/,
  ],
  ["the fleet's name has no record", `v=spf1 ${ours} -all`, dns({}), "Valid", /platform team must mend/],
  [
    "a nested record that cannot be asked for",
    "v=spf1 include:n0.example -all",
    dns({ ...fleet, "n0.example": "failed" }),
    "Unknown",
    /n0\.example/,
  ],
  [
    "ours, and a nested one that cannot be asked for",
    `v=spf1 ${ours} include:n0.example -all`,
    dns({ ...fleet, "n0.example": "failed" }),
    "Valid",
    /includes the fleet/,
  ],
  [
    "no room for the fleet",
    `v=spf1 ${Array.from({ length: 10 }, (_, i) => `exists:${i}.x.example`).join(" ")} -all`,
    dns(fleet),
    "NeedsMerge",
    /With the include it is too much.*takes 11/,
  ],
])("%s", (...[, record, lookUp, verdict, explanation]) => {
  const found = judge(record, lookUp);
  expect(found.explanation).toMatch(explanation);
  expect(found.verdict).toBe(verdict);
});

const everywhere: Resolved = (name) => ({
  kind: "Records",
  ttl: 60,
  values: [[`v=spf1 ${Array.from({ length: 3000 }, (_, i) => `include:a${i}.${name.slice(-20)}`).join(" ")}`]],
});

test("a walk through hostile records ends, and asks for no more than a few names", () => {
  const asked = new Set<string>();
  const lookUp: Resolved = (name, type) => {
    asked.add(`${type} ${name}`);
    return everywhere(name, type);
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one function for all types
  const found = judge("v=spf1 include:a.evil.example -all", lookUp as LookUp);
  expect(found.verdict).toBe("Mismatch");
  expect(asked.size).toBeLessThanOrEqual(2 * 16);
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
