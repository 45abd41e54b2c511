import { expect, test } from "vitest";
import type { Answer } from "../../net/resolver.ts";
import { foldAnswer, type DomainEvidence } from "./evidence.ts";
import { questionKey } from "./look-up.ts";
import { foldRelated, type RelatedEvidence } from "./related-evidence.ts";
import type { ShownAnswer } from "./verdict.ts";
import { mostRelated, relatedQuestions, type ClaimPolicies } from "./related-questions.ts";

const policies: ClaimPolicies = {
  domain: "mail.shop.example",
  spf: { include: "_spf.relay.example.net", qualifier: "SoftFail" },
  dmarc: { policy: "None", testing: "Disabled", rua: ["mailto:r@reports.test"] },
};
type Texts = (name: string) => readonly string[] | undefined;
const answerOf = (found: readonly string[] | undefined): Answer<"TXT"> & { kind: "Records" | "NXDomain" } =>
  found === undefined ? { kind: "NXDomain" } : { kind: "Records", values: found.map((text) => [text]), ttl: 60 };

const own = ["mail.shop.example", "_dmarc.mail.shop.example"];

/** Asks round after round, as the shell does; the questions of each round. */
function rounds(
  texts: Texts,
  shown: (name: string) => ShownAnswer = (name) => answerOf(texts(name)),
): readonly (readonly string[])[] {
  const names = new Map(own.map((name) => [name, foldAnswer(undefined, shown(name), 1)] as const));
  const related = new Map<string, RelatedEvidence>();
  const evidence: DomainEvidence = { names, related, negativeTtl: 0 };
  const asked: string[][] = [];
  for (;;) {
    const open = relatedQuestions(policies, evidence);
    if (open.length === 0) return asked;
    asked.push(open.map(questionKey));
    for (const question of open) {
      const answer = question.type === "TXT" ? answerOf(texts(question.name)) : { kind: "NoData" as const };
      related.set(questionKey(question), foldRelated(undefined, answer));
    }
  }
}

test("answers lead to the next questions, and each is asked once", () => {
  const zone: Readonly<Record<string, readonly string[]>> = {
    "mail.shop.example": ["v=spf1 a include:one.example -all"],
    "one.example": ["v=spf1 redirect=two.example"],
    "two.example": ["v=spf1 mx -all"],
    "_dmarc.reports.test": ["v=DMARC1; p=none"],
  };
  const asked = rounds((name) => zone[name]);
  expect(asked).toEqual([
    [
      "A mail.shop.example",
      "TXT one.example",
      "TXT _dmarc.shop.example",
      "TXT _dmarc.example",
      "TXT _dmarc.reports.test",
      "TXT _dmarc.test",
    ],
    ["AAAA mail.shop.example", "TXT two.example"],
    ["MX two.example", "TXT _spf.relay.example.net"],
  ]);
});

test("a zone that leads on forever is asked a bounded number of questions", () => {
  let count = 0;
  const more = (): string => `include:n${(count += 1)}.evil.example a:n${(count += 1)}.evil.example`;
  const asked = rounds((name) => (name.startsWith("_dmarc") ? ["x"] : [`v=spf1 ${more()} ${more()} ${more()}`]));
  expect(asked.flat().length).toBeLessThanOrEqual(mostRelated);
  expect(asked.flat().filter((question) => !question.includes("_dmarc")).length).toBeLessThanOrEqual(3 * 16);
  expect(new Set(asked.flat()).size).toBe(asked.flat().length);
});

const branch: Texts = (name) => [`v=spf1 include:a.${name} include:b.${name} -all`];

test("a zone whose every server says something else is asked no more than another", () => {
  const asked = rounds(branch, (name) => ({
    kind: "Disagreement",
    servers: Array.from({ length: 26 }, (_, i) => ({
      server: `ns${i}`,
      answer: answerOf([`v=spf1 include:${i}.${name} -all`]),
    })),
  }));
  expect(asked.flat()).toHaveLength(mostRelated);
});

test("two failures do not yet make an answer unknown", () => {
  const failed = { kind: "Failed", reason: "timeout" } as const;
  const known = foldRelated(undefined, { kind: "NXDomain" });
  const once = foldRelated(known, failed);
  const twice = foldRelated(once, failed);
  expect(twice.answer).toEqual({ kind: "NXDomain" });
  expect(foldRelated(twice, failed).answer).toEqual(failed);
  expect(foldRelated(undefined, failed).answer).toEqual(failed);
  expect(foldRelated(twice, { kind: "NoData" })).toEqual({ answer: { kind: "NoData" }, failures: 0 });
});
