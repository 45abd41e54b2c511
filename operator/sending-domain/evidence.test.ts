import { describe, expect, test } from "vitest";
import type { Answer } from "../../net/resolver.ts";
import type { Agreement } from "../../net/authoritative-answer.ts";
import { activationWait, foldAgreement, foldAnswer, negativeTtlOf, type NameEvidence } from "./evidence.ts";

const records = (ttl: number, ...texts: string[]): Answer<"TXT"> => ({
  kind: "Records",
  values: texts.map((text) => [text.slice(0, 2), text.slice(2)]),
  ttl,
});
const gone: Answer<"TXT"> = { kind: "NXDomain", negativeTtl: 30 };
const failed: Answer<"TXT"> = { kind: "Failed", reason: "timeout" };

function fold(...checks: readonly (readonly [number, Answer<"TXT">])[]): NameEvidence | undefined {
  let evidence: NameEvidence | undefined;
  for (const [now, answer] of checks) evidence = foldAnswer(evidence, answer, now);
  return evidence;
}

describe("foldAnswer", () => {
  test.each<[string, readonly (readonly [number, Answer<"TXT">])[], Partial<NameEvidence>]>([
    ["a first answer", [[5, records(9, "abc")]], { since: 5, ttl: 9, failures: 0, checkedAt: 5, confirmedAt: 5 }],
    [
      "the same again",
      [
        [5, records(9, "abc")],
        [8, records(6, "abc")],
      ],
      { since: 5, ttl: 9, confirmedAt: 8 },
    ],
    [
      "in another order",
      [
        [5, records(9, "abc", "xyz")],
        [8, records(9, "xyz", "abc")],
      ],
      { since: 5 },
    ],
    [
      "another record",
      [
        [5, records(9, "abc")],
        [8, records(6, "abd")],
      ],
      { since: 8, ttl: 6, previous: records(9, "abc") as never },
    ],
    [
      "one record more",
      [
        [5, records(9, "abc")],
        [8, records(9, "abc", "x")],
      ],
      { since: 8 },
    ],
    [
      "gone",
      [
        [5, records(9, "abc")],
        [8, gone],
      ],
      { since: 8, negativeTtl: 30, ttl: 0 },
    ],
    [
      "there after it was not",
      [
        [5, gone],
        [8, records(9, "abc")],
      ],
      { since: 8, negativeTtl: 30, ttl: 9 },
    ],
    [
      "absent in two ways",
      [
        [5, gone],
        [8, { kind: "NoData" }],
      ],
      { since: 5, negativeTtl: 30 },
    ],
    [
      "only failures",
      [
        [5, failed],
        [8, failed],
      ],
      { failures: 2, checkedAt: 8 },
    ],
    [
      "a failure between",
      [
        [5, records(9, "abc")],
        [6, failed],
        [8, records(9, "abc")],
      ],
      { since: 5, failures: 0, confirmedAt: 8 },
    ],
    [
      "a failure after",
      [
        [5, records(9, "abc")],
        [6, failed],
      ],
      { since: 5, failures: 1, confirmedAt: 5, checkedAt: 6 },
    ],
    [
      "a clock that jumped back",
      [
        [5000, records(9, "abc")],
        [100, records(9, "abc")],
      ],
      { since: 100 },
    ],
  ])("%s", (_, checks, expected) => {
    expect(fold(...checks)).toMatchObject(expected);
  });

  test("failures alone are no answer", () => {
    expect(fold([5, failed])).not.toHaveProperty("answer");
  });
});

describe("how long an answer was seen to stand, in minutes, checked each minute at first and each quarter of an hour at last", () => {
  const minute = 60_000;
  const pace = { missingInterval: minute, missingIntervalMax: 15 * minute };
  type Checks = readonly (readonly [number, Answer<"TXT">])[];
  const here = records(9, "abc");
  const each = (...minutes: readonly number[]): Checks => minutes.map((at) => [at, here]);
  const watched = (checks: Checks): number => {
    let evidence: NameEvidence | undefined;
    for (const [at, answer] of checks) evidence = foldAnswer(evidence, answer, at * minute, { pace });
    return (evidence?.shownFor ?? 0) / minute;
  };

  test.each<[string, Checks, number]>([
    ["once", each(5), 0],
    ["as checks come", each(0, 1, 2, 4, 8, 15), 15],
    ["as late as checks come", each(0, 1.1, 2.3, 4.8, 10, 20, 36), 36],
    ["hours, checked each quarter", each(0, 1, 2, 4, 8, 15, 30, 45, 60), 60],
    ["a clock set forward by an hour gains one pause", each(0, 1, 2, 64, 68), 2 + 4 + 4],
    ["at the first pause too", each(0, 61, 62), 2 + 1],
    ["a clock set forward by a year gains no more", each(0, 1, 2, 4, 8, 525_600), 8 + 16],
    ["a clock set back costs one pause", each(100, 101, 102, 4, 8), 2 + 4],
    ["to and fro, it gains a pause each time", each(0, 1000, 1, 1000, 1), 2 + 4],
    ["a failure between changes nothing", [...each(0, 1, 2), [3, failed], ...each(4)], 4],
    [
      "failures as long as an outage count no longer than checks do",
      [...each(0, 1, 2), [3, failed], ...each(600)],
      2 + 4,
    ],
    ["another answer begins anew", [...each(0, 1, 2), [3, gone], ...each(4, 5)], 1],
    [
      "nothing there is watched as well",
      [
        [0, gone],
        [1, gone],
        [2, gone],
      ],
      2,
    ],
    ["hourly checks count half an hour", each(0, 60, 120, 180, 240, 300, 360, 420), 2 + 4 + 12 + 4 * 30],
  ])("%s", (_, checks, expected) => {
    expect(watched(checks)).toBeCloseTo(expected);
  });
});

describe("foldAgreement", () => {
  const all: Agreement<"TXT"> = { kind: "Agreed", answer: { kind: "Records", values: [["abc"]], ttl: 9 }, silent: [] };
  const most: Agreement<"TXT"> = { ...all, silent: [{ server: "ns2", reason: "SERVFAIL" }] };
  const none: Agreement<"TXT"> = { kind: "Unreachable", reason: "no name server answers", silent: [] };
  const lag: Agreement<"TXT"> = {
    kind: "Disagreement",
    servers: [
      { server: "ns1", answer: { kind: "Records", values: [["abc"]], ttl: 9 } },
      { server: "ns2", answer: { kind: "NXDomain", negativeTtl: 40 } },
    ],
    silent: [],
  };
  test.each<[string, readonly (readonly [number, Agreement<"TXT">])[], Partial<NameEvidence>]>([
    ["all agree", [[5, all]], { since: 5, answer: { kind: "Records" } as never }],
    ["all that answer agree", [[5, most]], { since: 5, silent: ["ns2"] }],
    [
      "silence is no change",
      [
        [5, all],
        [8, most],
      ],
      { since: 5, silent: ["ns2"] },
    ],
    [
      "nobody answers",
      [
        [5, all],
        [8, none],
      ],
      { since: 5, failures: 1, failure: "no name server answers" },
    ],
    [
      "one answers again",
      [
        [5, none],
        [8, all],
      ],
      { since: 8, failures: 0 },
    ],
    ["one lags", [[5, lag]], { since: 5, ttl: 9, negativeTtl: 40, answer: { kind: "Disagreement" } as never }],
    [
      "one lagged",
      [
        [5, lag],
        [8, lag],
        [9, all],
      ],
      { since: 9, negativeTtl: 40, previous: { kind: "Disagreement" } as never },
    ],
    [
      "one loses the record",
      [
        [5, all],
        [8, lag],
        [9, all],
      ],
      { since: 9 },
    ],
  ])("%s", (_, checks, expected) => {
    let evidence: NameEvidence | undefined;
    for (const [now, agreement] of checks) evidence = foldAgreement(evidence, agreement, now);
    expect(evidence).toMatchObject(expected);
    expect(evidence?.failure).toBe(expected.failure);
  });
});

test.each<[string, number, number, number, number, number]>([
  ["the fleet's delay", 900_000, 60, 60, 60, 900_000],
  ["a long TTL", 900_000, 7200, 60, 60, 7_200_000],
  ["a long negative TTL at the name", 900_000, 60, 7200, 60, 7_200_000],
  ["a long SOA minimum", 900_000, 60, 60, 7200, 7_200_000],
  ["at most a day", 900_000, 604_800, 0, 0, 86_400_000],
  ["nothing to wait for", 0, 0, 0, 0, 0],
  ["a second", 0, 1, 0, 1, 1000],
])("waits for %s", (...[, delay, ttl, negativeTtl, zone, expected]) => {
  const name: NameEvidence = { checkedAt: 0, failures: 0, since: 0, shownFor: 0, confirmedAt: 0, ttl, negativeTtl };
  expect(activationWait(name, { names: new Map(), negativeTtl: zone }, delay)).toBe(expected);
});

const soa = { primary: "ns.example.com", serial: 1, minimum: 60 };
test.each<[Answer<"SOA">, number]>([
  [{ kind: "Records", values: [soa], ttl: 3600 }, 60],
  [{ kind: "Records", values: [soa], ttl: 5 }, 5],
  [{ kind: "NoData", negativeTtl: 300 }, 300],
  [{ kind: "NXDomain" }, 0],
  [{ kind: "Failed", reason: "timeout" }, 0],
])("negative TTL of %j", (answer, expected) => {
  expect(negativeTtlOf(answer)).toBe(expected);
});
