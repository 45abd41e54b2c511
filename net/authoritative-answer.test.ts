import { expect, test } from "vitest";
import { agree, type Agreement } from "./authoritative-answer.ts";
import type { Answer } from "./resolver.ts";

const txt = (ttl: number, ...records: readonly (readonly string[])[]): Answer<"TXT"> => ({
  kind: "Records",
  values: records,
  ttl,
});
const gone = (negativeTtl?: number): Answer<"TXT"> => ({
  kind: "NXDomain",
  ...(negativeTtl !== undefined && { negativeTtl }),
});
const failed: Answer<"TXT"> = { kind: "Failed", reason: "SERVFAIL" };

test.each<[string, readonly Answer<"TXT">[], Partial<Agreement<"TXT">>]>([
  ["the same record", [txt(60, ["a"]), txt(90, ["a"])], { kind: "Agreed", answer: txt(90, ["a"]) as never }],
  ["one record cut in two ways", [txt(1, ["ab", "c"]), txt(1, ["a", "bc"])], { kind: "Agreed" }],
  ["two records in another order", [txt(1, ["a"], ["b"]), txt(1, ["b"], ["a"])], { kind: "Agreed" }],
  ["one record and two that join to it", [txt(1, ["ab"]), txt(1, ["a"], ["b"])], { kind: "Disagreement" }],
  ["letters in another case", [txt(1, ["a"]), txt(1, ["A"])], { kind: "Disagreement" }],
  ["a record and none", [txt(1, ["a"]), gone()], { kind: "Disagreement" }],
  ["a record more", [txt(1, ["a"]), txt(1, ["a"], ["a b"])], { kind: "Disagreement" }],
  ["an empty record and none", [txt(1, [""]), gone()], { kind: "Disagreement" }],
  ["nothing, twice", [gone(5), gone(9), gone()], { kind: "Agreed", answer: gone(9) as never }],
  [
    "no name and no record",
    [gone(5), { kind: "NoData", negativeTtl: 7 }],
    { kind: "Agreed", answer: gone(7) as never },
  ],
  [
    "a record and a failure",
    [failed, txt(1, ["a"])],
    { kind: "Agreed", silent: [{ server: "ns1", reason: "SERVFAIL" }] },
  ],
  [
    "a disagreement and a failure",
    [failed, txt(1, ["a"]), gone()],
    { kind: "Disagreement", silent: [{ server: "ns1", reason: "SERVFAIL" }] },
  ],
  ["failures", [failed, failed], { kind: "Unreachable", reason: "no name server answers: ns1: SERVFAIL, and 1 more" }],
  ["no servers", [], { kind: "Unreachable", reason: "the zone has no name server" }],
])("%s", (_, answers, expected) => {
  const servers = answers.map((answer, i) => ({ server: `ns${i + 1}`, answer }));
  expect(agree({ servers })).toMatchObject(expected);
});

test("a walk that led nowhere says why", () => {
  expect(agree({ servers: [], problem: "a loop of aliases" })).toMatchObject({ reason: "a loop of aliases" });
});

test.each<[string, Answer<"TXT">, readonly string[]]>([
  ["heard at another address", txt(1, ["a"]), ["ns2 (::2)"]],
  ["heard nowhere", failed, ["ns1 (192.0.2.1)", "ns1 (::1)", "ns2 (::2)"]],
])("a server that was %s", (_, first, silent) => {
  const servers = [
    { server: "ns1 (192.0.2.1)", host: "ns1", answer: first },
    { server: "ns1 (::1)", host: "ns1", answer: failed },
    { server: "ns2 (::2)", host: "ns2", answer: failed },
  ];
  expect(agree({ servers }).silent.map(({ server }) => server)).toEqual(silent);
});
