import { expect, test } from "vitest";
import { readyNotes, summarise, type ConditionType, type Finding, type Summary } from "./conditions.ts";
import { problem, type Problem } from "./reasons.ts";

const table: readonly ConditionType[] = [
  { type: "KeysReady", means: "", neededForReady: true },
  { type: "DNSVerified", means: "", neededForReady: false },
];
const good: Finding = { status: "True", reason: "Good", message: "good" };
const bad: Finding = { status: "False", reason: "Bad", message: "bad" };
const stalled = problem("DomainTaken", "Taken.");
const waiting = problem("TenantNotFound", "Absent.");
const now = Date.parse("2026-11-22T10:00:00.123Z");

function summary(keys: Finding | undefined, dns: Finding, problems: readonly Problem[] = []): Summary {
  const findings = { ...(keys && { KeysReady: keys }), DNSVerified: dns };
  return { table, findings, problems, generation: 3, previous: [] };
}

test.each<[string, Summary, readonly string[]]>([
  ["all is well", summary(good, good), ["Ready=True", "KeysReady=True", "DNSVerified=True"]],
  ["Ready never waits for a zone", summary(good, bad), ["Ready=True", "KeysReady=True", "DNSVerified=False"]],
  ["own work is left", summary(bad, bad), ["Ready=False", "KeysReady=False", "DNSVerified=False", "Reconciling=True"]],
  [
    "nothing is known",
    summary(undefined, bad),
    ["Ready=False", "KeysReady=Unknown", "DNSVerified=False", "Reconciling=True"],
  ],
  [
    "waiting",
    summary(good, good, [waiting]),
    ["Ready=False", "KeysReady=True", "DNSVerified=True", "Reconciling=True"],
  ],
  ["stalled", summary(good, good, [stalled]), ["Ready=False", "KeysReady=True", "DNSVerified=True", "Stalled=True"]],
  [
    "stalled goes before waiting",
    summary(bad, good, [waiting, stalled]),
    ["Ready=False", "KeysReady=False", "DNSVerified=True", "Stalled=True"],
  ],
])("%s", (_, given, expected) => {
  expect(summarise(given, now).map(({ type, status }) => `${type}=${status}`)).toEqual(expected);
});

test("Ready bears the reason and message of what stands in its way", () => {
  const [ready] = summarise(summary(good, good, [waiting, stalled]), now);
  expect(ready).toEqual({
    type: "Ready",
    status: "False",
    observedGeneration: 3,
    lastTransitionTime: "2026-11-22T10:00:00Z",
    reason: "DomainTaken",
    message: stalled.message,
  });
});

test("a transition time changes with the status only", () => {
  const first = summarise(summary(good, bad), now);
  const second = summarise({ ...summary(good, good), previous: first, generation: 4 }, now + 5000);
  expect(second.map(({ type, lastTransitionTime }) => [type, lastTransitionTime])).toEqual([
    ["Ready", "2026-11-22T10:00:00Z"],
    ["KeysReady", "2026-11-22T10:00:00Z"],
    ["DNSVerified", "2026-11-22T10:00:05Z"],
  ]);
});

test.each<[string, Summary | undefined, Summary, readonly string[]]>([
  ["all well from the start", undefined, summary(good, good), []],
  ["wrong from the start", undefined, summary(good, good, [stalled]), ["warn DomainTaken"]],
  ["still wrong", summary(good, good, [stalled]), summary(bad, good, [stalled]), []],
  ["wrong in another way", summary(good, good, [waiting]), summary(good, good, [stalled]), ["warn DomainTaken"]],
  ["well again", summary(good, good, [stalled]), summary(good, bad), ["info Reconciled"]],
  ["still well", summary(good, good), summary(good, bad), []],
])("people are told what is %s", (_, before, after, expected) => {
  const notes = readyNotes(before ? summarise(before, now) : [], summarise(after, now));
  expect(notes.map(({ level, reason }) => `${level} ${reason}`)).toEqual(expected);
});
