import { describe, expect, test } from "vitest";
import type { DomainContract } from "../../contract/domain-contract.ts";
import { keySecretName } from "../../contract/names.ts";
import type { Action } from "../action.ts";
import { dkimValue } from "./dkim-record.ts";
import { foldAnswer, noEvidence, type DomainEvidence, type NameEvidence } from "./evidence.ts";
import { decodeKeyHistory, type KeyEntry } from "./key-history.ts";
import type { ObservedDomain } from "./observed.ts";
import { planDomain, type DomainPlan } from "./plan.ts";

const claim = { namespace: "team-shop", name: "example-com", domain: "example.com" };
const now = Date.parse("2026-11-22T12:00:00Z");
const hour = 3_600_000;
const timing = { activationDelay: 900_000, checkInterval: hour, missingInterval: 60_000, missingIntervalMax: 900_000 };

const rsa = { selector: "s2026q4", algorithm: "RSA2048" as const, publicKey: "AAAA", fingerprint: "a".repeat(64) };
const ed = { selector: "s2026q4-ed", algorithm: "Ed25519" as const, publicKey: "BBBB", fingerprint: "b".repeat(64) };
const second = { ...rsa, selector: "s2026q4-2", publicKey: "CCCC", fingerprint: "c".repeat(64) };
type Key = typeof rsa | typeof ed;

const entry = (key: Key, more: Partial<KeyEntry> = {}): KeyEntry => {
  const { selector, algorithm, publicKey, fingerprint } = key;
  return { selector, algorithm, allottedAt: 1, key: { publicKey, fingerprint, createdAt: 1 }, ...more };
};
const active = (key: Key): KeyEntry => entry(key, { activatedAt: 5 });

/** What DNS showed: the right record from `since` on, confirmed at `now`; or nothing, in one check or two. */
type Seen = { readonly since: number; readonly ttl?: number } | "once missing" | "missing" | "failed";

function nameEvidence(key: Key, seen: Seen): NameEvidence | undefined {
  const right = { kind: "Records", values: [[dkimValue(key)]], ttl: 0 } as const;
  if (seen === "failed") return foldAnswer(undefined, { kind: "Failed", reason: "timeout" }, now);
  if (seen === "missing") return foldAnswer(foldAnswer(undefined, { kind: "NXDomain" }, 1), { kind: "NXDomain" }, now);
  if (seen === "once missing") return foldAnswer(foldAnswer(undefined, right, 1), { kind: "NXDomain" }, now);
  const answer = { ...right, ttl: seen.ttl ?? 0 };
  return foldAnswer(foldAnswer(undefined, answer, seen.since), answer, now);
}

function evidenceOf(...seen: readonly (readonly [Key, Seen])[]): DomainEvidence {
  const names = seen.flatMap(([key, what]) => {
    const evidence = nameEvidence(key, what);
    return evidence ? [[`${key.selector}._domainkey.example.com`, evidence] as const] : [];
  });
  return { names: new Map(names), negativeTtl: 0 };
}

const contract = (more: Partial<DomainContract> = {}): DomainContract => ({
  version: 1,
  domain: "example.com",
  claim: { namespace: "team-shop", name: "example-com" },
  tenant: "shop",
  keys: [],
  provenAt: 7,
  ...more,
});
const contractKeys = (...keys: readonly Key[]): DomainContract["keys"] =>
  keys.map(({ selector, algorithm }) => ({ selector, algorithm, secretName: keySecretName(claim, selector) }));
const stored = <T>(value: T) => ({ value, resourceVersion: "9", uid: "u" });

interface Given {
  readonly entries?: readonly KeyEntry[];
  readonly keys?: readonly Key[];
  readonly hold?: DomainContract;
  readonly evidence?: DomainEvidence;
  readonly more?: Partial<ObservedDomain>;
}

function observed({ entries, keys = [], hold, evidence = noEvidence, more }: Given): ObservedDomain {
  return {
    claim,
    generation: 1,
    spec: {
      domain: "example.com",
      tenantRef: { name: "shop" },
      deletionPolicy: "Retain",
      dkim: {
        algorithms: ["RSA2048", "Ed25519"],
        selectorPrefix: "s",
        rotation: { schedule: "Manual", overlap: "240h", retention: "720h" },
        revokedSelectors: [],
      },
      spf: { qualifier: "SoftFail" },
      dmarc: { policy: "None", testing: "Disabled" },
    },
    tenantExists: true,
    keys: keys.map(({ selector, algorithm, publicKey, fingerprint }) => ({
      claim,
      selector,
      algorithm,
      publicKey,
      fingerprint,
      createdAt: 1,
      uid: "u",
      resourceVersion: "9",
    })),
    blocked: [],
    formerHolds: [],
    ...(entries && { history: stored({ version: 1 as const, claim, keys: [...entries] }) }),
    ...(hold && { hold: stored(hold) }),
    evidence,
    settings: {
      contractNamespace: "posthouse-system",
      spfInclude: "_spf.relay.example.net",
      timing,
      longestMessageAge: 72 * hour,
    },
    ...more,
  };
}

/** Actions in a word or two: what they write, or which key they make. */
function actionsOf({ actions }: DomainPlan): readonly string[] {
  return actions.map((action: Action) => {
    if (action.kind === "createKey") return `createKey ${action.selector}`;
    if (action.kind !== "create" && action.kind !== "apply") return action.kind;
    return action.object.kind === "ConfigMap" ? `${action.kind} history` : `${action.kind} hold`;
  });
}

function historyOf({ actions }: DomainPlan): readonly KeyEntry[] {
  const data = actions.flatMap((action) =>
    "object" in action && action.object.kind === "ConfigMap" ? [action.object.data] : [],
  );
  const decoded = decodeKeyHistory(data[0] ?? {});
  return "value" in decoded ? decoded.value.keys : [];
}

function heldKeys({ actions }: DomainPlan): readonly string[] | undefined {
  const data = actions.flatMap((action) =>
    "object" in action && action.object.kind === "Secret" ? [action.object.data] : [],
  );
  const held = data[0]?.["contract"];
  return held === undefined ? undefined : (JSON.parse(held) as DomainContract).keys.map(({ selector }) => selector);
}

const both = [rsa, ed] as const;
const pending = both.map((key) => entry(key));
const working = both.map(active);
const proven = contract({ keys: contractKeys(rsa, ed) });
const recent = { since: now - 1000 };
const long = { since: now - 900_000 };

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

describe("what is said", () => {
  const conditionsOf = (given: Given) =>
    planDomain(observed(given), now)
      .status?.conditions?.filter(({ type }) => ["Ready", "OwnershipProven", "DKIMVerified", "Stalled"].includes(type))
      .map(({ type, status, reason }) => `${type}=${status}/${reason}`);

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
    const gone = (since: number): NameEvidence =>
      foldAnswer(foldAnswer(undefined, { kind: "NXDomain" }, since), { kind: "NXDomain" }, now);
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
