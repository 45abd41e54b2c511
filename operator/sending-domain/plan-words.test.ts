import { describe, expect, test } from "vitest";
import { foldAnswer, type NameEvidence } from "./evidence.ts";
import type { KeyEntry } from "./key-history.ts";
import { planDomain } from "./plan.ts";
import {
  now,
  hour,
  rsa,
  ed,
  type Key,
  entry,
  type Seen,
  evidenceOf,
  contract,
  type Given,
  observed,
  both,
  pending,
  working,
  recent,
  long,
} from "../../test/harness/planned-domain.ts";

const conditionsOf = (given: Given) =>
  planDomain(observed(given), now)
    .status?.conditions?.filter(({ type }) => ["Ready", "OwnershipProven", "DKIMVerified", "Stalled"].includes(type))
    .map(({ type, status, reason }) => `${type}=${status}/${reason}`);

describe("what is said", () => {
  test.each<[string, Given, readonly string[]]>([
    [
      "waiting for the zone is Ready",
      { entries: pending, keys: both, evidence: evidenceOf([rsa, "missing"], [ed, "missing"]) },
      ["Ready=True/Reconciled", "OwnershipProven=False/RecordNotSeen", "DKIMVerified=False/RecordMissing"],
    ],
    [
      "no key is visible",
      { entries: working, keys: both, hold: contract(), evidence: evidenceOf([rsa, "missing"], [ed, "missing"]) },
      ["Ready=True/Reconciled", "OwnershipProven=True/RecordSeen", "DKIMVerified=False/NoVisibleKey"],
    ],
    [
      "taken",
      {
        entries: pending,
        keys: both,
        hold: contract({ claim: { namespace: "b", name: "c" } }),
        evidence: evidenceOf([rsa, long], [ed, long]),
      },
      [
        "Ready=False/DomainTaken",
        "OwnershipProven=False/DomainTaken",
        "DKIMVerified=True/RecordValid",
        "Stalled=True/DomainTaken",
      ],
    ],
    [
      "held by another, and nothing proven",
      {
        entries: pending,
        keys: both,
        hold: contract({ claim: { namespace: "b", name: "c" } }),
        evidence: evidenceOf([rsa, "missing"], [ed, "missing"]),
      },
      ["Ready=True/Reconciled", "OwnershipProven=False/RecordNotSeen", "DKIMVerified=False/RecordMissing"],
    ],
    [
      "a plan without own domains",
      {
        entries: pending,
        keys: both,
        evidence: evidenceOf([rsa, "failed"]),
        more: { planWithoutOwnDomains: "Starter" },
      },
      [
        "Ready=False/OwnDomainsNotAllowed",
        "OwnershipProven=False/RecordNotSeen",
        "DKIMVerified=Unknown/RecordUnknown",
        "Stalled=True/OwnDomainsNotAllowed",
      ],
    ],
    [
      "no tenant",
      { entries: pending, keys: both, evidence: evidenceOf([rsa, "failed"]), more: { tenantExists: false } },
      ["Ready=False/TenantNotFound", "OwnershipProven=False/RecordNotSeen", "DKIMVerified=Unknown/RecordUnknown"],
    ],
  ])("%s", (_, given, expected) => {
    expect(conditionsOf(given)).toEqual(expected);
  });

  test.each<[string, readonly KeyEntry[], Seen, string]>([
    [
      "for the fleet's delay",
      pending,
      { since: now - 1000 },
      "right. A key that does not sign yet waits until its record has been visible for 15m.",
    ],
    [
      "for the record's TTL",
      pending,
      { since: now - 1000, ttl: 3600 },
      "right. A key that does not sign yet waits until its record has been visible for 1h.",
    ],
    ["no more once it signs", working, { since: now - 1000, ttl: 3600 }, "right."],
  ])("a key whose record is right waits %s", (_, entries, seen, expected) => {
    const evidence = evidenceOf([rsa, seen], [ed, seen]);
    const { status } = planDomain(observed({ entries, keys: both, hold: contract(), evidence }), now);
    const found = status?.conditions?.find(({ type }) => type === "DKIMVerified");
    expect(found).toMatchObject({ status: "True", message: `What DNS shows is ${expected}` });
  });
});

const txt = (text: string): NameEvidence => foldAnswer(undefined, { kind: "Records", values: [[text]], ttl: 0 }, now);

/** Milliseconds until the next check of keys that wait, beside an SPF and a DMARC record that are right. */
const untilNextAt = (time: number, ...seen: readonly (readonly [Key, Seen])[]): number => {
  const names = new Map(evidenceOf(...seen).names)
    .set("example.com", txt("v=spf1 include:_spf.relay.example.net ~all"))
    .set("_dmarc.example.com", txt("v=DMARC1; p=none"));
  const keys = seen.map(([key]) => key);
  const given = { entries: keys.map((key) => entry(key)), keys, evidence: { names, negativeTtl: 0 } };
  return planDomain(observed(given), time).dns.checkAt - time;
};
const untilNext = (...seen: readonly (readonly [Key, Seen])[]): number => untilNextAt(now, ...seen);

const gone = (since: number): NameEvidence =>
  foldAnswer(foldAnswer(undefined, { kind: "NXDomain" }, since), { kind: "NXDomain" }, now);

describe("when DNS is asked next", () => {
  test("at once for a name that was never asked", () => {
    expect(planDomain(observed({ entries: pending, keys: both }), now).dns.checkAt).toBe(now);
  });

  test("sooner while a key waits, exactly when it may become Active if that is first", () => {
    expect(untilNext([rsa, { since: now - 880_000 }], [ed, { since: now - 870_000 }])).toBe(20_000);
    expect(untilNext([rsa, recent], [ed, recent])).toBe(60_000);
  });

  test("as soon after the clock jumped back by a day", () => {
    expect(untilNextAt(now - 24 * hour, [rsa, recent], [ed, recent])).toBe(60_000);
  });

  test("after a minute that rises to a quarter of an hour while something is missing", () => {
    const pauses = [now, now - 30_000, now - 120_000, now - 600_000, now - 40 * hour].map((since) => {
      const names = new Map([
        ["example.com", gone(since)],
        ["_dmarc.example.com", gone(1)],
      ]);
      return planDomain(observed({ evidence: { names, negativeTtl: 0 } }), now).dns.checkAt - now;
    });
    expect(pauses).toEqual([60_000, 60_000, 120_000, 600_000, 900_000]);
  });
});
