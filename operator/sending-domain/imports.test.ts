import { expect, test } from "vitest";
import type { SendingDomainSpec } from "../../crds/sending-domain.ts";
import type { ImportReading } from "../import-key.ts";
import type { SecretOffer } from "../secret-offer.ts";
import { claimState } from "./claim-state.ts";
import { dkimValue } from "./dkim-record.ts";
import { foldAnswer, type DomainEvidence } from "./evidence.ts";
import type { KeyEntry } from "./key-history.ts";
import { keyState } from "./key-state.ts";
import { nextKeys, type NextKeys, type Standing } from "./next-keys.ts";
import type { ObservedDomain, StoredKey } from "./observed.ts";

const hour = 3_600_000;
const day = 24 * hour;
const claim = { namespace: "team-shop", name: "example-com", domain: "example.com" };
const timing = { activationDelay: 3 * hour, checkInterval: hour, missingInterval: hour, missingIntervalMax: hour };
const importBlock = { selector: "legacy", secretRef: { name: "old-key" } };
const legacyKey = (letter: string, algorithm: "RSA2048" | "Ed25519" = "RSA2048") => ({
  algorithm,
  publicKey: letter.toUpperCase().repeat(8),
  fingerprint: letter.repeat(64),
  bits: 2048,
});
const offer = (value: ImportReading): SecretOffer<ImportReading> => ({ kind: "Offered", value });
const offered = offer({ key: legacyKey("a") });

interface World {
  now: number;
  dkim: Partial<SendingDomainSpec["dkim"]>;
  offered: SecretOffer<ImportReading>;
  standing: Standing;
  keys: readonly StoredKey[];
  blocked: readonly string[];
  history: readonly KeyEntry[];
  evidence: DomainEvidence;
  held: readonly string[];
  rotate?: string;
  /** Selectors whose records stand in the zone. */
  published: Set<string>;
}

const begin = (): World => ({
  now: Date.parse("2026-11-22T12:00:00Z"),
  dkim: { import: importBlock },
  offered,
  standing: "Free",
  keys: [],
  blocked: [],
  history: [],
  evidence: { names: new Map(), negativeTtl: 0 },
  held: [],
  published: new Set(["legacy"]),
});

function observed(world: World): ObservedDomain {
  const { dkim, keys, blocked, evidence, history, held, rotate } = world;
  const contract = {
    version: 1 as const,
    domain: claim.domain,
    claim: { namespace: claim.namespace, name: claim.name },
    tenant: "shop",
    keys: held.map((selector) => ({ selector, algorithm: "RSA2048" as const, secretName: "x" })),
    provenAt: 1,
  };
  return {
    claim,
    generation: 1,
    spec: {
      domain: claim.domain,
      tenantRef: { name: "shop" },
      deletionPolicy: "Retain",
      dkim: {
        algorithms: ["RSA2048"],
        selectorPrefix: "s",
        rotation: { schedule: "Manual", overlap: "240h", retention: "720h" },
        revokedSelectors: [],
        ...dkim,
      },
      spf: { qualifier: "SoftFail" },
      dmarc: { policy: "None", testing: "Disabled" },
    },
    ...(rotate !== undefined && { rotate }),
    tenantExists: true,
    keys,
    blocked,
    ...(dkim.import && { offered: world.offered }),
    history: { value: { version: 1, claim, keys: [...history] }, resourceVersion: "1", uid: "h" },
    ...(world.standing === "Held" && { hold: { value: contract, resourceVersion: "1", uid: "c" } }),
    formerHolds: [],
    evidence,
    settings: { contractNamespace: "p", spfInclude: "_spf.example.net", timing, longestMessageAge: 72 * hour },
  };
}

function store(world: World, key: Omit<StoredKey, "claim" | "createdAt" | "uid" | "resourceVersion">): void {
  if (world.keys.some(({ selector }) => selector === key.selector)) return;
  world.keys = [...world.keys, { claim, createdAt: world.now, uid: key.selector, resourceVersion: "1", ...key }];
}

/** One look, and what the plan does about it: keys are made, copied and deleted. */
function look(world: World): NextKeys {
  const next = nextKeys(observed(world), world.standing, world.now);
  world.history = next.entries;
  world.held = next.signing.map(({ selector }) => selector);
  for (const { selector, algorithm, key, imported } of next.entries)
    if (key === undefined && imported === undefined)
      store(world, { selector, algorithm, publicKey: btoa(selector), fingerprint: selector });
  if (next.copy) {
    const { selector, algorithm, fingerprint } = next.copy;
    const publicKey = (fingerprint[0] ?? "").toUpperCase().repeat(8);
    store(world, { selector, algorithm, publicKey, fingerprint, imported: true });
  }
  const spent = next.entries.filter(({ retiredAt, revokedAt }) => retiredAt !== undefined || revokedAt !== undefined);
  world.keys = world.keys.filter((key) => !spent.some(({ selector }) => selector === key.selector));
  return next;
}

/** Checks the DNS and looks every hour for so long. */
function live(world: World, time: number): NextKeys {
  for (let passed = 0; passed < time; passed += hour) {
    world.now += hour;
    const names = world.history.flatMap((entry) => {
      const { selector, algorithm, key } = entry;
      if (key === undefined) return [];
      const name = `${selector}._domainkey.example.com`;
      const answer = world.published.has(selector)
        ? ({ kind: "Records", values: [[dkimValue({ algorithm, publicKey: key.publicKey })]], ttl: 60 } as const)
        : ({ kind: "NXDomain" } as const);
      return [[name, foldAnswer(world.evidence.names.get(name), answer, world.now)] as const];
    });
    world.evidence = { names: new Map(names), negativeTtl: 0 };
    look(world);
  }
  return look(world);
}

const states = ({ entries }: NextKeys) => entries.map((entry) => `${entry.selector} ${keyState(entry)}`);
const signers = ({ signing }: NextKeys) => signing.map(({ selector }) => selector);
const reported = (next: NextKeys) => next.reported.map(({ selector }) => selector);
const reasonsOf = ({ problems }: NextKeys) => problems.map(({ kind, reason }) => `${kind} ${reason}`);

/** A world whose imported key signs: the made key has proven the domain an hour ago. */
function migrating(world = begin()): World {
  look(world);
  live(world, 5 * hour);
  world.published.add("s2026q4");
  world.standing = "Held";
  live(world, hour);
  return world;
}

test("an imported key signs nothing until the domain is proven, then at once until the made key is Active", () => {
  const world = begin();
  look(world);
  const before = live(world, 30 * hour);
  expect(states(before)).toEqual(["s2026q4 Pending", "legacy Pending"]);
  expect(signers(before)).toEqual([]);
  expect(reported(before)).toEqual(["s2026q4", "legacy"]);
  world.published.add("s2026q4");
  world.standing = "Held";
  const proven = live(world, hour);
  expect(states(proven)).toEqual(["s2026q4 Pending", "legacy Active"]);
  expect(signers(proven)).toEqual(["legacy"]);
  const taken = live(world, 3 * hour);
  expect(states(taken)).toEqual(["s2026q4 Active", "legacy Retiring"]);
  expect(signers(taken)).toEqual(["s2026q4"]);
});

test("its record proves nothing, and keeps no hold", () => {
  const world = begin();
  look(world);
  live(world, 5 * hour);
  expect(claimState(observed(world), world.now)).toMatchObject({ shown: false, signing: [] });
  migrating(world);
  expect(claimState(observed(world), world.now).shown).toBe(true);
  world.published.delete("s2026q4");
  live(world, 2 * hour);
  expect(claimState(observed(world), world.now)).toMatchObject({ shown: false, absence: { over: false } });
  expect(claimState(observed(world), world.now).absence.watch).toBeDefined();
});

test("it signs again in its overlap when the made key's record vanishes, and is Retired and reported after that", () => {
  const world = migrating();
  live(world, 3 * hour);
  world.published.delete("s2026q4");
  expect(signers(live(world, 3 * hour))).toEqual(["legacy"]);
  expect(world.history.map(({ selector }) => selector)).toEqual(["s2026q4", "legacy"]);
  world.published.add("s2026q4");
  expect(states(live(world, 240 * hour))).toEqual(["s2026q4 Active", "legacy Retiring"]);
  const retired = live(world, 12 * hour);
  expect(states(retired)).toEqual(["s2026q4 Active", "legacy Retired"]);
  expect(world.keys.map(({ selector }) => selector)).toEqual(["s2026q4"]);
  expect(reported(retired)).toEqual(["s2026q4", "legacy"]);
  const over = live(world, 721 * hour);
  expect(reported(over)).toEqual(["s2026q4"]);
  expect(reasonsOf(over)).toEqual([]);
  expect(over.copy).toBeUndefined();
});

test("a rotation while it signs retires nothing but itself", () => {
  const world = migrating();
  world.rotate = "now";
  expect(states(look(world))).toEqual(["s2026q4 Pending", "legacy Active"]);
  expect(signers(live(world, 4 * hour))).toEqual(["s2026q4"]);
});

test("what becomes of its Secret after the copy is nothing to the copy", () => {
  const world = migrating();
  for (const kind of ["NotFound", "NotOffered"] as const) {
    world.offered = { kind };
    const next = look(world);
    expect([signers(next), reasonsOf(next)]).toEqual([["legacy"], []]);
  }
  world.dkim = {};
  expect(signers(live(world, hour))).toEqual(["legacy"]);
});

test("another key in the Secret is refused, and the first one goes on", () => {
  const world = migrating();
  world.offered = offer({ key: legacyKey("b") });
  expect(signers(live(world, hour))).toEqual(["legacy"]);
  expect(reasonsOf(look(world))).toEqual(["Stalled ImportKeyChanged"]);
  expect(world.keys.find(({ selector }) => selector === "legacy")?.fingerprint).toBe("a".repeat(64));
  world.offered = offered;
  expect(reasonsOf(look(world))).toEqual([]);
});

test("a copy that is lost is made again while it is needed", () => {
  const world = migrating();
  world.keys = world.keys.filter(({ selector }) => selector !== "legacy");
  look(world);
  expect(world.keys.map(({ selector }) => selector)).toContain("legacy");
  expect(signers(live(world, hour))).toEqual(["legacy"]);
});

test.each<[string, (world: World) => void]>([
  ["the block is removed", (world) => (world.dkim = {})],
  ["the block names another selector", (world) => (world.dkim = { import: { ...importBlock, selector: "legacy2" } })],
])("an import that never signed is forgotten when %s, and may come again", (_, change) => {
  const world = begin();
  look(world);
  live(world, 5 * hour);
  change(world);
  look(world);
  expect(world.keys.map(({ selector }) => selector)).not.toContain("legacy");
  look(world);
  expect(world.history.map(({ selector }) => selector)).not.toContain("legacy");
  world.dkim = { import: importBlock };
  world.offered = offer({ key: legacyKey("b") });
  look(world);
  look(world);
  expect(states(look(world))).toContain("legacy Pending");
  expect(world.keys.find(({ selector }) => selector === "legacy")?.fingerprint).toBe("b".repeat(64));
});

test("nothing is imported once a made key signs, and nobody is waited for", () => {
  const world = begin();
  world.dkim = {};
  world.standing = "Held";
  world.published.add("s2026q4");
  look(world);
  live(world, 5 * hour);
  world.dkim = { import: importBlock };
  for (const each of [offered, { kind: "NotFound" }, offer({ fault: "TooShort" })] as const) {
    world.offered = each;
    const next = live(world, hour);
    expect([states(next), reasonsOf(next), next.copy]).toEqual([["s2026q4 Active"], [], undefined]);
  }
});

test("a revocation ends it at once and for good, whatever the block says", () => {
  const world = migrating();
  world.dkim = { import: importBlock, revokedSelectors: ["legacy"] };
  const next = look(world);
  expect(states(next)).toEqual(["s2026q4 Pending", "legacy Revoked"]);
  expect(reasonsOf(next)).toEqual([]);
  world.dkim = { import: importBlock };
  expect(states(live(world, hour))).toEqual(["s2026q4 Pending", "legacy Revoked"]);
  expect(world.keys.map(({ selector }) => selector)).toEqual(["s2026q4"]);
});

test("a selector that is revoked beforehand is never imported", () => {
  const world = begin();
  world.dkim = { import: importBlock, revokedSelectors: ["legacy"] };
  look(world);
  const next = look(world);
  expect(next.copy).toBeUndefined();
  expect(reasonsOf(next)).toEqual(["Stalled SelectorUnknown"]);
});

test("when the history is lost the Secret still says that the key was imported", () => {
  const world = begin();
  look(world);
  look(world);
  world.history = [];
  expect(look(world).entries.find(({ selector }) => selector === "legacy")?.imported).toBe(true);
});

test.each<[string, Partial<World>, string]>([
  ["there is no Secret", { offered: { kind: "NotFound" } }, "Waiting SecretNotFound"],
  ["the Secret is not offered", { offered: { kind: "NotOffered" } }, "Waiting SecretNotOffered"],
  ["the key is too short", { offered: offer({ fault: "TooShort" }) }, "Stalled ImportKeyUnusable"],
  [
    "no key of its algorithm is wanted",
    { offered: offer({ key: legacyKey("a", "Ed25519") }) },
    "Stalled ImportKeyUnusable",
  ],
  ["another's Secret stands in the place of the copy", { blocked: ["legacy"] }, "Stalled ImportSelectorTaken"],
  [
    "the selector is that of a made key",
    { dkim: { import: { ...importBlock, selector: "s2026q4" } } },
    "Stalled ImportSelectorTaken",
  ],
])("nothing is imported when %s", (_, more, reason) => {
  const world = { ...begin(), ...more };
  look(world);
  const next = live(world, 2 * day);
  expect(next.copy).toBeUndefined();
  expect(next.entries.map(({ selector }) => selector)).toEqual(["s2026q4"]);
  expect(reasonsOf(next)).toEqual([reason]);
});
