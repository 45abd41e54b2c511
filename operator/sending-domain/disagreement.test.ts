import { expect, test } from "vitest";
import { compareDkim } from "./dkim-record.ts";
import { compareShown, silenceSentence } from "./disagreement.ts";
import type { ConclusiveAnswer, Verdict } from "./verdict.ts";

const key = { algorithm: "RSA2048", publicKey: "AAAABBBBCCCC" } as const;
const right: ConclusiveAnswer = { kind: "Records", values: [["v=DKIM1; k=rsa; p=AAAABBBBCCCC"]], ttl: 60 };
const alike: ConclusiveAnswer = { kind: "Records", values: [["v=DKIM1; p=AAAABBBBCCCC"]], ttl: 60 };
const foreign: ConclusiveAnswer = { kind: "Records", values: [["v=DKIM1; k=rsa; p=other"]], ttl: 60 };
const gone: ConclusiveAnswer = { kind: "NXDomain" };

test.each<[string, readonly ConclusiveAnswer[], Verdict, string | undefined, string]>([
  ["that are both right", [right, alike], "Valid", undefined, "The DKIM record is published."],
  [
    "of which one lags",
    [right, gone, right],
    "Missing",
    undefined,
    "The name servers of the zone disagree. ns1, ns3: The DKIM record is published. ns2: The DKIM record is not published.",
  ],
  [
    "of which one shows another key",
    [right, foreign],
    "Mismatch",
    "v=DKIM1; k=rsa; p=other",
    "The name servers of the zone disagree. ns1: The DKIM record is published. ns2: The record holds another key.",
  ],
  [
    "of which many lag",
    [gone, gone, gone, gone, gone, gone, right],
    "Missing",
    undefined,
    "The name servers of the zone disagree. ns1, ns2, ns3, ns4 and 2 more: The DKIM record is not published. ns7: The DKIM record is published.",
  ],
])("servers %s", (...[, answers, verdict, observed, explanation]) => {
  const servers = answers.map((answer, i) => ({ server: `ns${i + 1}`, answer }));
  const found = compareShown({ kind: "Disagreement", servers }, (answer) => compareDkim(key, answer));
  expect(found).toMatchObject({ verdict, explanation });
  expect(found.observed).toBe(observed);
});

test("servers that agree are compared as one", () => {
  expect(compareShown(gone, (answer) => compareDkim(key, answer))).toEqual(compareDkim(key, gone));
});

test.each<[readonly string[], string]>([
  [[], ""],
  [["ns1"], " No answer came from ns1."],
  [["a", "b", "c", "d", "e"], " No answer came from a, b, c, d and 1 more."],
  [["ns\u202e1"], " No answer came from ns?1."],
])("silence of %j", (silent, sentence) => {
  expect(silenceSentence(silent)).toBe(sentence);
});
