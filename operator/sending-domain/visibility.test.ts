import { expect, test } from "vitest";
import type { Agreement } from "../../net/authoritative-answer.ts";
import type { Answer } from "../../net/resolver.ts";
import { dkimValue } from "./dkim-record.ts";
import { foldAgreement, type NameEvidence } from "./evidence.ts";
import type { KeyEntry } from "./key-history.ts";
import { visibilityOf, visibleLongEnough, type Visibility } from "./visibility.ts";

const entry: KeyEntry = {
  selector: "s1",
  algorithm: "RSA2048",
  allottedAt: 1,
  key: { publicKey: "AAAA", fingerprint: "f", createdAt: 1 },
};
type Shown = Exclude<Answer<"TXT">, { kind: "Failed" }>;
const right: Shown = {
  kind: "Records",
  values: [[dkimValue({ algorithm: "RSA2048", publicKey: "AAAA" })]],
  ttl: 60,
};
const foreign: Shown = { kind: "Records", values: [["v=DKIM1; k=rsa; p=BBBB"]], ttl: 60 };
const beside: Shown = { ...right, values: [...right.values, ["v=DKIM1; k=rsa; p=BBBB"]] };
const gone: Shown = { kind: "NXDomain", negativeTtl: 30 };
const silence = [{ server: "ns9", reason: "SERVFAIL" }];

const all = (answer: Shown): Agreement<"TXT"> => ({ kind: "Agreed", answer, silent: [] });
const most = (answer: Shown): Agreement<"TXT"> => ({ kind: "Agreed", answer, silent: silence });
const split = (...answers: readonly Shown[]): Agreement<"TXT"> => ({
  kind: "Disagreement",
  servers: answers.map((answer, i) => ({ server: `ns${i}`, answer })),
  silent: [],
});
const none: Agreement<"TXT"> = { kind: "Unreachable", reason: "no name server answers", silent: silence };

/** Of checks a second apart. */
function look(...checks: readonly Agreement<"TXT">[]): Visibility {
  let name: NameEvidence | undefined;
  for (const [i, agreement] of checks.entries()) name = foldAgreement(name, agreement, 1000 * (i + 1));
  const names = new Map(name ? [["s1._domainkey.shop.example", name]] : []);
  return visibilityOf(entry, "shop.example", { names, negativeTtl: 0 }, 2000);
}

test.each<[string, readonly Agreement<"TXT">[], Partial<Visibility>]>([
  ["not asked for yet", [], { seen: undefined, shownSomewhere: false }],
  ["shown by all", [all(right)], { seen: true, shownFor: 0 }],
  ["shown by all, three times", [all(right), all(right), all(right)], { seen: true, shownFor: 2000 }],
  ["shown by all that answer", [most(right)], { seen: true, shownFor: 0 }],
  ["shown by one of two, once", [split(right, gone)], { seen: undefined, shownSomewhere: true }],
  ["shown by one of two, twice", [split(right, gone), split(right, gone)], { seen: false, shownSomewhere: true }],
  ["shown by each of two in turn", [split(right, gone), split(gone, right)], { seen: false, shownSomewhere: true }],
  ["missing at one of two now", [all(right), split(right, gone)], { seen: undefined, shownSomewhere: true }],
  ["foreign at one of two", [split(right, foreign), split(right, foreign)], { seen: false, shownSomewhere: true }],
  ["beside another", [all(beside), all(beside)], { seen: false, shownSomewhere: true }],
  ["missing everywhere", [all(gone), all(gone)], { seen: false, absentEverywhereAt: 2000, shownSomewhere: false }],
  ["missing where an answer came from", [most(gone), most(gone)], { seen: false, shownSomewhere: false }],
  ["not to be asked for now", [all(right), none, none], { seen: true, shownFor: 0, confirmedAt: 1000 }],
])("a record that is %s", (_, checks, expected) => {
  const view = look(...checks);
  expect(view).toMatchObject(expected);
  expect(view.absentEverywhereAt).toBe(expected.absentEverywhereAt);
  expect(view.shownFor).toBe(expected.shownFor);
});

const longTime = 3600;
test.each<[string, readonly Agreement<"TXT">[], boolean]>([
  ["two seconds, less than caches may hold that it was not there", [all(right), all(right), all(right)], false],
  ["as long as they may", Array.from({ length: 61 }, () => all(right)), true],
  ["a minute, by all only now", [...Array.from({ length: 60 }, () => split(right, gone)), all(right)], false],
  ["an hour, by one of two", Array.from({ length: longTime }, () => split(right, gone)), false],
  [
    "a minute, with a gap at one server",
    [...Array.from({ length: 60 }, () => all(right)), split(right, gone), all(right)],
    false,
  ],
])("a record shown for %s", (_, checks, expected) => {
  expect(visibleLongEnough(look(...checks))).toBe(expected);
});

test("a clock that is set forward by a day makes no key sign that was seen for minutes", () => {
  const minute = 60_000;
  const pace = { missingInterval: minute, missingIntervalMax: 15 * minute };
  const evidenceAt = (minutes: readonly number[]): NameEvidence | undefined => {
    let name: NameEvidence | undefined;
    for (const at of minutes) name = foldAgreement(name, all(right), at * minute, pace);
    return name;
  };
  const signs = (...minutes: readonly number[]): boolean => {
    const name = evidenceAt(minutes);
    const names = new Map(name ? [["s1._domainkey.shop.example", name]] : []);
    return visibleLongEnough(visibilityOf(entry, "shop.example", { names, negativeTtl: 0 }, 15 * minute));
  };
  expect(signs(0, 1, 2, 4, 8, 14)).toBe(false);
  expect(signs(0, 1, 2, 4, 8, 15)).toBe(true);
  expect(signs(0, 1, 2, 1440)).toBe(false);
  expect(signs(0, 1, 2, 1440, 1444)).toBe(false);
  expect(signs(0, 1, 2, 1440, 1444, 1451)).toBe(true);
  expect(signs(0, 1440)).toBe(false);
});
