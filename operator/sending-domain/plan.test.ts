import { describe, expect, test } from "vitest";
import type { DomainEvidence } from "./evidence.ts";
import type { KeyEntry } from "./key-history.ts";
import { planDomain } from "./plan.ts";
import {
  now,
  rsa,
  ed,
  second,
  entry,
  active,
  type Seen,
  evidenceOf,
  contract,
  contractKeys,
  stored,
  type Given,
  observed,
  actionsOf,
  historyOf,
  heldKeys,
  both,
  pending,
  working,
  proven,
  recent,
  long,
} from "../../test/harness/planned-domain.ts";

describe("what is done", () => {
  test.each<[string, Given, readonly string[]]>([
    ["nothing is there yet", {}, ["create history", "createKey s2026q4", "createKey s2026q4-ed"]],
    [
      "selectors are allotted, keys are not made",
      { entries: both.map((key) => entry(key, { key: undefined })) },
      ["createKey s2026q4", "createKey s2026q4-ed"],
    ],
    ["keys were made", { entries: both.map((key) => entry(key, { key: undefined })), keys: both }, ["apply history"]],
    ["nothing is published", { entries: pending, keys: both }, []],
    [
      "one key is seen: the domain is held, nothing signs",
      { entries: pending, keys: both, evidence: evidenceOf([ed, recent]) },
      ["create hold"],
    ],
    [
      "the delay is over",
      { entries: pending, keys: both, hold: contract(), evidence: evidenceOf([rsa, long], [ed, long]) },
      ["apply history", "apply hold"],
    ],
    ["all is done", { entries: working, keys: both, hold: proven, evidence: evidenceOf([rsa, long], [ed, long]) }, []],
    ["a restart: no evidence yet", { entries: working, keys: both, hold: proven }, []],
    [
      "one miss",
      { entries: working, keys: both, hold: proven, evidence: evidenceOf([rsa, "once missing"], [ed, "once missing"]) },
      ["apply history"],
    ],
    [
      "two misses",
      { entries: working, keys: both, hold: proven, evidence: evidenceOf([rsa, "missing"], [ed, "missing"]) },
      ["apply history", "apply hold"],
    ],
    [
      "failures are no misses",
      { entries: working, keys: both, hold: proven, evidence: evidenceOf([rsa, "failed"], [ed, "failed"]) },
      [],
    ],
    [
      "the tenant is missing: keys are made all the same",
      { more: { tenantExists: false } },
      ["create history", "createKey s2026q4", "createKey s2026q4-ed"],
    ],
    [
      "the plan has no own domains: no hold is taken",
      {
        entries: working,
        keys: both,
        evidence: evidenceOf([rsa, long], [ed, long]),
        more: { planWithoutOwnDomains: "Starter" },
      },
      [],
    ],
    [
      "the plan has no own domains any more: the hold stays",
      {
        entries: working,
        keys: both,
        hold: proven,
        evidence: evidenceOf([rsa, long], [ed, long]),
        more: { planWithoutOwnDomains: "Starter" },
      },
      [],
    ],
    [
      "a key Secret is gone: its selector is burnt",
      { entries: working, keys: [ed], hold: proven, evidence: evidenceOf([ed, long]) },
      ["apply history", "createKey s2026q4-2", "apply hold"],
    ],
    [
      "a key Secret holds another key",
      { entries: working, keys: [{ ...rsa, fingerprint: "f".repeat(64) }, ed], hold: proven },
      ["apply history", "createKey s2026q4-2", "apply hold"],
    ],
    [
      "a selector's Secret is nobody's key",
      { entries: [entry(rsa, { key: undefined }), entry(ed)], keys: [ed], more: { blocked: ["s2026q4"] } },
      ["apply history", "createKey s2026q4-2"],
    ],
    ["the history is gone: it is rebuilt from the keys", { keys: both }, ["create history"]],
    [
      "the history is gone, and the status knows that the rotation was handled",
      {
        keys: both,
        hold: proven,
        more: {
          rotate: "now",
          status: { observedGeneration: 1, dkim: { lastHandledRotation: "now", keys: [] } },
        },
      },
      ["create history"],
    ],
    [
      "somebody else's Secret has the name of a key",
      { more: { blocked: ["s2026q4"] } },
      ["create history", "createKey s2026q4-2", "createKey s2026q4-ed"],
    ],
    ["the history cannot be read", { more: { history: { resourceVersion: "1", uid: "u" } } }, []],
    [
      "the history cannot be read, and DNS shows every key that signs or missed one once",
      {
        keys: [...both, second],
        hold: proven,
        evidence: evidenceOf([rsa, "once missing"], [ed, long], [second, long]),
        more: { history: { resourceVersion: "1", uid: "u" } },
      },
      [],
    ],
    [
      "the object was about another domain before",
      { entries: pending, keys: both, more: { formerHolds: [stored(contract({ domain: "former.example" }))] } },
      ["delete"],
    ],
    [
      "a hold that only says in its name to be of the claim",
      {
        entries: pending,
        keys: both,
        more: {
          formerHolds: [stored(contract({ domain: "former.example", claim: { namespace: "b", name: "c" } }))],
        },
      },
      [],
    ],
    [
      "somebody else holds the domain",
      {
        entries: pending,
        keys: both,
        hold: contract({ claim: { namespace: "b", name: "c" } }),
        evidence: evidenceOf([rsa, long]),
      },
      [],
    ],
    [
      "the hold cannot be read",
      {
        entries: pending,
        keys: both,
        evidence: evidenceOf([rsa, long]),
        more: { hold: { resourceVersion: "1", uid: "u" } },
      },
      [],
    ],
  ])("%s", (_, given, expected) => {
    expect(actionsOf(planDomain(observed(given), now))).toEqual(expected);
  });
});

describe("which keys sign on while the history cannot be read", () => {
  const unreadable = { history: { resourceVersion: "1", uid: "u" } };
  const revoking = observed({}).spec;
  test.each<[string, Given, readonly string[] | undefined]>([
    ["those that are seen", { evidence: evidenceOf([rsa, long], [ed, long]) }, undefined],
    ["all, when nothing was asked yet", {}, undefined],
    ["not one that two checks missed", { evidence: evidenceOf([rsa, long], [ed, "missing"]) }, ["s2026q4"]],
    [
      "none without RSA2048, though another was long seen",
      { evidence: evidenceOf([rsa, "missing"], [second, long]) },
      [],
    ],
    ["not one that is gone", { keys: [rsa], evidence: evidenceOf([rsa, long]) }, ["s2026q4"]],
    [
      "not one that is revoked",
      { more: { spec: { ...revoking, dkim: { ...revoking.dkim, revokedSelectors: ["s2026q4-ed"] } } } },
      ["s2026q4"],
    ],
    ["none of another claim's", { hold: contract({ claim: { namespace: "b", name: "c" } }) }, undefined],
  ])("%s", (_, given, expected) => {
    const world = { keys: [rsa, ed, second], hold: proven, ...given, more: { ...unreadable, ...given.more } };
    const plan = planDomain(observed(world), now);
    expect(heldKeys(plan)).toEqual(expected);
    expect(actionsOf(plan)).toEqual(expected ? ["apply hold"] : []);
  });
});

describe("when a key becomes Active", () => {
  test.each<[string, Seen, number, boolean]>([
    ["seen just now", recent, 0, false],
    ["seen for the delay", long, 0, true],
    ["a second short of it", { since: now - 899_000 }, 0, false],
    ["a TTL that is longer than the delay", { since: now - 900_000, ttl: 1800 }, 0, false],
    ["that TTL over", { since: now - 1_800_000, ttl: 1800 }, 0, true],
    ["a longer negative TTL of the zone", long, 3600, false],
    ["missing", "missing", 0, false],
  ])("%s", (...[, seen, negativeTtl, expected]) => {
    const evidence = { ...evidenceOf([rsa, seen], [ed, recent]), negativeTtl };
    const plan = planDomain(observed({ entries: pending, keys: both, hold: contract(), evidence }), now);
    expect(historyOf(plan).some(({ activatedAt }) => activatedAt === now)).toBe(expected);
  });
});

describe("which keys sign", () => {
  const entries = [active(rsa), active(ed), active(second)];
  const keys = [rsa, ed, second];
  test.each<[string, readonly KeyEntry[], DomainEvidence, readonly string[]]>([
    [
      "the newest of each algorithm",
      entries,
      evidenceOf([rsa, long], [ed, long], [second, long]),
      ["s2026q4-2", "s2026q4-ed"],
    ],
    [
      "the one before, when the newest vanished",
      entries,
      evidenceOf([rsa, long], [ed, long], [second, "missing"]),
      ["s2026q4", "s2026q4-ed"],
    ],
    ["none when only Ed25519 is left", entries, evidenceOf([rsa, "missing"], [ed, long], [second, "missing"]), []],
    ["none before an RSA key was first Active", [entry(rsa), active(ed)], evidenceOf([rsa, recent], [ed, long]), []],
  ])("%s", (_, given, evidence, expected) => {
    const hold = contract({ keys: contractKeys(second), tenant: "other" });
    const known = new Set(given.map(({ selector }) => selector));
    const there = keys.filter(({ selector }) => known.has(selector));
    expect(heldKeys(planDomain(observed({ entries: given, keys: there, hold, evidence }), now))).toEqual(expected);
  });
});

test("a key that is Active and that no check has looked at yet goes on signing, and does not begin to", () => {
  const given = { entries: [...working, active(second)], keys: [...both, second], hold: proven };
  expect(heldKeys(planDomain(observed(given), now))).toBeUndefined();
});

test("a key is remembered as revoked, then taken from the contract, and only then deleted", () => {
  const spec = observed({}).spec;
  const more = { spec: { ...spec, dkim: { ...spec.dkim, revokedSelectors: ["s2026q4"] } } };
  const evidence = evidenceOf([rsa, long], [ed, long], [second, long]);
  const given = { entries: [...working, active(second)], keys: [...both, second], hold: proven, evidence, more };
  expect(actionsOf(planDomain(observed(given), now))).toEqual(["apply history", "apply hold", "delete"]);
});

test("what stands is overwritten only as it was seen", () => {
  const given = { entries: working, keys: both, hold: proven, evidence: evidenceOf([rsa, "missing"], [ed, "missing"]) };
  const plan = planDomain(observed(given), now);
  expect(actionsOf(plan)).toEqual(["apply history", "apply hold"]);
  for (const action of plan.actions) expect(action).toMatchObject({ object: { metadata: { resourceVersion: "9" } } });
});

test("records are told of once their keys are made and the DNS was asked, or the answer is late", () => {
  const handOver = { kind: "Absent" } as const;
  // `actionsOf` calls every ConfigMap a history.
  const told = (given: Given, isFirst: boolean) => {
    const plan = planDomain({ ...observed({ ...given, more: { handOver } }), isFirst }, now);
    return [...actionsOf(plan), plan.status && "status"].filter((each) => each !== undefined);
  };
  const unmade = both.map((key) => entry(key, { key: undefined }));
  expect(told({ entries: unmade }, false)).toEqual(["createKey s2026q4", "createKey s2026q4-ed", "status"]);
  expect(told({ entries: pending, keys: both }, true)).toEqual([]);
  expect(told({ entries: pending, keys: both }, false)).toEqual(["create history", "status"]);
});

test("what was published stands while its grant is away, and goes when the claim asks no more", () => {
  const standing = { kind: "Ours", endpoints: [], resourceVersion: "1", uid: "u" } as const;
  const planned = (isGranted: boolean, publish: "Report" | "ExternalDNS") => {
    const more = {
      spec: { ...observed({}).spec, dns: { publish } },
      publishing: { isGranted, isServed: true, standing },
    };
    return actionsOf(planDomain(observed({ entries: pending, keys: both, more }), now));
  };
  expect(planned(true, "ExternalDNS")).toEqual(["publish"]);
  expect(planned(false, "ExternalDNS")).toEqual([]);
  expect(planned(true, "Report")).toEqual(["delete"]);
  expect(planned(false, "Report")).toEqual(["delete"]);
});
