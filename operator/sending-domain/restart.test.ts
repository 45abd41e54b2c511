import { describe, expect, test } from "vitest";
import type { Answer } from "../../net/resolver.ts";
import {
  active,
  both,
  contract,
  contractKeys,
  actionsOf,
  now,
  observed,
  pending,
  timing,
  type Given,
} from "../../test/harness/planned-domain.ts";
import { dkimValue } from "./dkim-record.ts";
import { foldAnswer, noEvidence, type DomainEvidence, type NameEvidence } from "./evidence.ts";
import { questionKey, type Question } from "./look-up.ts";
import { planDomain, type DomainPlan } from "./plan.ts";
import { foldRelated, type RelatedEvidence } from "./related-evidence.ts";

type Zone = Readonly<Record<string, string>>;
type Answers = (name: string) => Answer<"TXT">;

const fleet = { "_spf.relay.example.net": "v=spf1 ip4:192.0.2.1 -all" };
const keys = Object.fromEntries(both.map((key) => [`${key.selector}._domainkey.example.com`, dkimValue(key)]));
const mail = { "example.com": "v=spf1 include:_spf.relay.example.net ~all", "_dmarc.example.com": "v=DMARC1; p=none" };
const nested = {
  "example.com": "v=spf1 include:all.example.org ~all",
  "all.example.org": "v=spf1 include:_spf.relay.example.net -all",
};
const inherited = { "_dmarc.example.com": "", "_dmarc.com": "v=DMARC1; p=reject; psd=y" };
const costly = {
  "example.com": `v=spf1 ${Array.from({ length: 9 }, (_, i) => `include:i${i}.example.org`).join(" ")} include:more.example.org ~all`,
  ...Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`i${i}.example.org`, "v=spf1 -all"])),
  "more.example.org": "v=spf1 exists:a.example.org exists:b.example.org -all",
};

const says =
  (zone: Zone): Answers =>
  (name) =>
    zone[name] ? { kind: "Records", values: [[zone[name]]], ttl: 0 } : { kind: "NXDomain" };
const silence: Answers = () => ({ kind: "Failed", reason: "timeout" });

/** What a check finds that asks what the plan before it wanted to know. */
function check(zone: Zone, before: DomainEvidence, failing: (name: string) => boolean): DomainEvidence {
  const answer: Answers = (name) => (failing(name) ? silence(name) : says(zone)(name));
  const own = ["example.com", "_dmarc.example.com", ...Object.keys(keys)];
  const names = new Map<string, NameEvidence>(
    own.map((name) => [name, foldAnswer(before.names.get(name), answer(name), now)]),
  );
  const related = new Map<string, RelatedEvidence>();
  for (const name of [...Object.keys(zone), "_dmarc.com"].filter((each) => !own.includes(each))) {
    const key = questionKey({ name, type: "TXT" } satisfies Question);
    related.set(key, foldRelated(before.related?.get(key), answer(name)));
  }
  return { names, related, negativeTtl: 0 };
}

const none = (): boolean => false;
const isFleet = (name: string): boolean => name === "_spf.relay.example.net";
const all = (): boolean => true;

/** A claim in a zone that was checked before the restart. */
function told(zone: Zone, given: Given): { readonly plan: (evidence: DomainEvidence) => DomainPlan } {
  const plan = (evidence: DomainEvidence, status?: DomainPlan["status"]): DomainPlan =>
    planDomain(observed({ ...given, evidence, ...(status && { more: { status } }) }), now);
  const { status } = plan(check(zone, noEvidence, none));
  return { plan: (evidence) => plan(evidence, status) };
}

const held: Given = {
  entries: pending,
  keys: both,
  hold: contract({ keys: contractKeys(...both) }),
};
const zones: readonly (readonly [string, Zone])[] = [
  ["all is published", { ...fleet, ...keys, ...mail }],
  ["nothing is published", fleet],
  ["SPF by way of another", { ...fleet, ...keys, ...mail, ...nested }],
  ["DMARC is inherited", { ...fleet, ...keys, ...mail, ...inherited }],
  ["SPF takes too many look-ups", { ...fleet, ...keys, ...mail, ...costly }],
  ["SPF lacks the fleet", { ...fleet, ...keys, ...mail, "example.com": "v=spf1 mx -all" }],
];

describe.each(zones)("a restart tells nothing new where %s", (_, zone) => {
  const { plan } = told(zone, held);
  const before = plan(check(zone, noEvidence, none));
  test.each<[string, readonly ((name: string) => boolean)[]]>([
    ["before the first check", []],
    ["when no question is answered", [all]],
    ["when no question is answered twice", [all, all]],
    ["when the domain is not answered", [(name) => name === "example.com"]],
    ["when one key is not answered", [(name) => name.startsWith("s2026q4._domainkey.")]],
    ["when names beyond the domain's are not answered", [(name) => !name.endsWith("example.com")]],
    ["when all is answered", [none]],
    ["when all is answered after a failure", [all, none]],
  ])("%s", (__, checks) => {
    const evidence = checks.reduce((known, failing) => check(zone, known, failing), noEvidence);
    const after = plan(evidence);
    expect(after.status).toEqual(before.status);
    expect(actionsOf(after)).toEqual(actionsOf(before));
  });
});

test("three checks in vain are told", () => {
  const zone = { ...fleet, ...keys, ...mail };
  const evidence = [all, all, all].reduce((known, failing) => check(zone, known, failing), noEvidence);
  const { status } = told(zone, held).plan(evidence);
  expect(status?.records?.map(({ verdict }) => verdict)).toEqual(["Unknown", "Unknown", "Unknown", "Unknown"]);
  expect(status?.records?.[0]?.explanation).toBe("DNS could not be asked (timeout); it will be again.");
});

test("what one check finds out is told, whatever else it could not ask", () => {
  const zone = { ...fleet, ...keys, ...mail };
  const { plan } = told(zone, held);
  const { "_dmarc.example.com": _, ...gone } = zone;
  const { status } = plan(check(gone, noEvidence, (name) => name === "example.com"));
  expect(status?.records?.map(({ verdict }) => verdict)).toEqual(["Valid", "Valid", "Valid", "Missing"]);
});

test("another policy asks for another value before the first check", () => {
  const zone = { ...fleet, ...keys, ...mail, ...costly };
  const base = observed(held);
  const { status } = planDomain({ ...base, evidence: check(zone, noEvidence, none) }, now);
  if (status === undefined) throw new Error("no status");
  const spec = { ...base.spec, spf: { qualifier: "Fail" } } as const;
  const after = planDomain({ ...base, spec, generation: 2, status }, now);
  expect(after.status?.records?.find(({ purpose }) => purpose === "SPF")).toMatchObject({
    verdict: "Mismatch",
    value: "v=spf1 include:_spf.relay.example.net -all",
  });
});

test("what was not answered beyond the domain's own records is asked again soon", () => {
  const zone = { ...fleet, ...keys, ...mail };
  const working = { ...held, entries: both.map(active) };
  const { plan } = told(zone, working);
  expect(plan(check(zone, noEvidence, none)).dns.checkAt).toBe(now + timing.checkInterval);
  expect(plan(check(zone, noEvidence, isFleet)).dns.checkAt).toBe(now + timing.missingInterval);
  const thrice = [isFleet, isFleet, isFleet].reduce((known, failing) => check(zone, known, failing), noEvidence);
  expect(plan(thrice).dns.checkAt).toBe(now + timing.checkInterval);
});
