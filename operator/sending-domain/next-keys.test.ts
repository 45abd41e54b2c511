import { describe, expect, test } from "vitest";
import { dkimValue } from "./dkim-record.ts";
import { foldAnswer, type DomainEvidence } from "./evidence.ts";
import { holdAbsence } from "./hold-loss.ts";
import type { KeyEntry } from "./key-history.ts";
import { keyState } from "./key-state.ts";
import { mostImportant, nextKeys, type NextKeys } from "./next-keys.ts";
import type { ObservedDomain, StoredKey } from "./observed.ts";
import { quarterlySlot } from "./rotation.ts";
import type { Visibility } from "./visibility.ts";

const hour = 3_600_000;
const day = 24 * hour;
const claim = { namespace: "team-shop", name: "example-com", domain: "example.com" };
const timing = { activationDelay: hour, checkInterval: hour, missingInterval: 60_000, missingIntervalMax: 900_000 };
const slot = quarterlySlot(claim, Date.parse("2027-02-01T00:00:00Z"));

interface World {
  now: number;
  spec: ObservedDomain["spec"];
  rotate?: string;
  history?: { readonly keys: KeyEntry[]; readonly handledRotation?: string };
  readonly keys: StoredKey[];
  readonly hidden: Set<string>;
  evidence: DomainEvidence;
  held: readonly string[];
}

const specOf = (more: Partial<ObservedDomain["spec"]["dkim"]> = {}): ObservedDomain["spec"] => ({
  domain: claim.domain,
  tenantRef: { name: "shop" },
  deletionPolicy: "Retain",
  dkim: {
    algorithms: ["RSA2048"],
    selectorPrefix: "s",
    rotation: { schedule: "Manual", overlap: "240h", retention: "720h" },
    revokedSelectors: [],
    ...more,
  },
  spf: { qualifier: "SoftFail" },
  dmarc: { policy: "None", testing: "Disabled" },
});

const begin = (now: number, spec = specOf()): World => ({
  now,
  spec,
  keys: [],
  hidden: new Set(),
  evidence: { names: new Map(), negativeTtl: 0 },
  held: [],
});

function observed(world: World): ObservedDomain {
  const { spec, rotate, history, keys, evidence, held } = world;
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
    spec,
    ...(rotate !== undefined && { rotate }),
    tenantExists: true,
    keys,
    blocked: [],
    formerHolds: [],
    ...(history && { history: { value: { version: 1 as const, claim, ...history }, resourceVersion: "1", uid: "h" } }),
    hold: { value: contract, resourceVersion: "1", uid: "c" },
    evidence,
    settings: { contractNamespace: "p", spfInclude: "_spf.example.net", timing, longestMessageAge: 72 * hour },
  };
}

/** One look: what the plan says is carried out, and what it wants published is published unless it is hidden. */
function look(world: World): NextKeys {
  const next = nextKeys(observed(world), "Held", world.now);
  world.history = {
    keys: [...next.entries],
    ...(next.handledRotation !== undefined && { handledRotation: next.handledRotation }),
  };
  world.held = next.signing.map(({ selector }) => selector);
  for (const { selector, algorithm, key } of next.entries) {
    if (key !== undefined) continue;
    const fingerprint = String(world.keys.length).padStart(64, "0");
    const publicKey = Buffer.from(fingerprint).toString("base64");
    world.keys.push({
      claim,
      selector,
      algorithm,
      publicKey,
      fingerprint,
      createdAt: world.now,
      uid: selector,
      resourceVersion: "1",
    });
  }
  return next;
}

function check(world: World): void {
  const names = world.keys.map((key) => {
    const name = `${key.selector}._domainkey.example.com`;
    const answer = world.hidden.has(key.selector)
      ? ({ kind: "NXDomain" } as const)
      : ({ kind: "Records", values: [[dkimValue(key)]], ttl: 60 } as const);
    return [name, foldAnswer(world.evidence.names.get(name), answer, world.now)] as const;
  });
  world.evidence = { names: new Map(names), negativeTtl: 0 };
}

/** Checks and looks every hour for so long. */
function live(world: World, time: number): void {
  for (let passed = 0; passed <= time; passed += hour) {
    world.now += hour;
    check(world);
    look(world);
  }
}

const states = ({ history }: World): readonly string[] =>
  (history?.keys ?? []).map((entry) => `${entry.selector} ${keyState(entry)}`);

const working = (spec = specOf(), now = slot - 70 * day): World => {
  const world = begin(now, spec);
  look(world);
  live(world, 3 * hour);
  return world;
};

describe("rotation", () => {
  test("a token makes one successor, which signs when it is visible; the old key retires after its overlap", () => {
    const world = working();
    world.rotate = "now";
    look(world);
    look(world);
    expect(states(world)).toEqual(
      ["s2026q4 Active", "s2026q4-2 Pending"].map((text) => text.replace("s2026q4", prefix(world))),
    );
    live(world, 3 * hour);
    expect(states(world).map((text) => text.split(" ")[1])).toEqual(["Retiring", "Active"]);
    live(world, 236 * hour);
    expect(states(world).map((text) => text.split(" ")[1])).toEqual(["Retiring", "Active"]);
    live(world, 4 * hour);
    expect(states(world).map((text) => text.split(" ")[1])).toEqual(["Retired", "Active"]);
    expect(nextKeys(observed(world), "Held", world.now).reported).toHaveLength(2);
    live(world, 722 * hour);
    expect(nextKeys(observed(world), "Held", world.now).reported).toHaveLength(1);
  });

  test("an overlap does not begin while the contract, which could not be written, names the old key", () => {
    const world = working();
    const before = world.held;
    world.rotate = "now";
    look(world);
    for (let passed = 0; passed <= 20 * 24; passed++) {
      live(world, 0);
      world.held = before;
    }
    expect(states(world).map((text) => text.split(" ")[1])).toEqual(["Retiring", "Active"]);
  });

  test("a token while a rotation is under way is answered by it", () => {
    const world = working();
    world.rotate = "one";
    look(world);
    world.rotate = "two";
    look(world);
    expect(world.history).toMatchObject({ handledRotation: "two" });
    expect(world.history?.keys).toHaveLength(2);
  });

  test("however often the prefix changes, the key that signs stays in the report, and its loss ends its signing", () => {
    const world = working(specOf({ algorithms: ["RSA2048", "Ed25519"] }));
    const signers = nextKeys(observed(world), "Held", world.now).signing.map(({ selector }) => selector);
    expect(signers).toHaveLength(2);
    for (let change = 0; change < 20; change++) {
      world.spec = specOf({ algorithms: ["RSA2048", "Ed25519"], selectorPrefix: change % 2 === 0 ? "a" : "s" });
      look(world);
      for (const { selector } of world.keys) if (!signers.includes(selector)) world.hidden.add(selector);
      look(world);
    }
    const next = nextKeys(observed(world), "Held", world.now);
    expect(next.reported.length).toBeLessThanOrEqual(16);
    expect(next.entries.length).toBeLessThanOrEqual(16);
    expect(next.reported.map(({ selector }) => selector)).toEqual(expect.arrayContaining(signers));
    expect(next.signing.map(({ selector }) => selector)).toEqual(signers);
    for (const selector of signers) world.hidden.add(selector);
    live(world, 3 * hour);
    expect(nextKeys(observed(world), "Held", world.now).signing).toEqual([]);
  });

  test("twice in a quarter makes three selectors, none used twice", () => {
    const world = working();
    for (const token of ["one", "two"]) {
      world.rotate = token;
      look(world);
      live(world, 3 * hour);
    }
    const selectors = (world.history?.keys ?? []).map(({ selector }) => selector);
    expect(new Set(selectors).size).toBe(3);
  });

  test.each<[string, number, number]>([
    ["70 days old at the slot", 70, 2],
    ["50 days old at the slot", 50, 1],
  ])("Quarterly: a key %s", (_, age, expected) => {
    const quarterly = { schedule: "Quarterly" as const, overlap: "240h", retention: "720h" };
    const world = working(specOf({ rotation: quarterly }), slot - age * day);
    live(world, (age - 1) * day);
    expect(world.history?.keys).toHaveLength(1);
    live(world, 2 * day);
    expect(world.history?.keys).toHaveLength(expected);
  });
});

describe("a clock that jumps", () => {
  const monthly = { schedule: "Interval" as const, every: "720h", overlap: "240h", retention: "720h" };
  const quarterly = { schedule: "Quarterly" as const, overlap: "240h", retention: "720h" };
  test.each<[string, number, typeof monthly | typeof quarterly]>([
    ["Interval: forward by a year", 365 * day, monthly],
    ["Interval: back by a year", -365 * day, monthly],
    ["Quarterly: forward by a year", 365 * day, quarterly],
    ["Quarterly: back by a year", -365 * day, quarterly],
  ])("%s, and back, rotates nothing and retires nothing early", (_, jump, rotation) => {
    const world = working(specOf({ rotation }));
    world.rotate = "now";
    look(world);
    live(world, 10 * hour);
    const before = states(world);
    world.now += jump;
    live(world, 5 * hour);
    world.now -= jump;
    live(world, 5 * hour);
    expect(states(world)).toEqual(before);
    live(world, 215 * hour);
    expect(states(world)).toEqual(before);
    live(world, 20 * hour);
    expect(states(world)[0]).toMatch(/Retired$/);
  });
});

test("keys that were made while the clock was a year ahead rotate in the quarter that is theirs", () => {
  const spec = specOf({ rotation: { schedule: "Quarterly", overlap: "240h", retention: "720h" } });
  const world = working(spec, slot + 295 * day);
  world.now -= 365 * day;
  live(world, 71 * day);
  expect(states(world).map((text) => text.split(" ")[1])).toEqual(["Retiring", "Active"]);
});

describe("a record that vanishes", () => {
  test("stops its key at the second check, and the key before it signs again until it was back for long enough", () => {
    const world = working();
    world.rotate = "now";
    look(world);
    live(world, 3 * hour);
    const [old, current] = (world.history?.keys ?? []).map(({ selector }) => selector) as [string, string];
    world.hidden.add(current);
    live(world, 0);
    expect(world.held).toEqual([current]);
    live(world, 0);
    expect(world.held).toEqual([old]);
    world.hidden.delete(current);
    live(world, 0);
    expect(world.held).toEqual([old]);
    live(world, hour);
    expect(world.held).toEqual([current]);
  });

  test("is missed twice across a restart too", () => {
    const world = working();
    world.hidden.add(prefix(world));
    live(world, 0);
    expect(world.held).toHaveLength(1);
    world.evidence = { names: new Map(), negativeTtl: 0 };
    live(world, 0);
    expect(world.held).toEqual([]);
  });
});

test("a revoked key signs no more at once, and another is made", () => {
  const world = working();
  world.spec = specOf({ revokedSelectors: [prefix(world)] });
  look(world);
  expect(world.held).toEqual([]);
  expect(states(world).map((text) => text.split(" ")[1])).toEqual(["Revoked", "Pending"]);
});

test("a selector that the spec revokes is allotted to no key, though the history does not know it", () => {
  const world = begin(Date.parse("2026-11-22T12:00:00Z"), specOf({ revokedSelectors: ["s2026q4", "s2026q4-2"] }));
  look(world);
  expect(states(world)).toEqual(["s2026q4-3 Pending"]);
});

test("a history that was lost and is rebuilt from the keys leads to no selector twice", () => {
  const world = begin(Date.parse("2026-10-01T12:00:00Z"));
  look(world);
  live(world, 3 * hour);
  world.rotate = "now";
  look(world);
  live(world, 12 * day);
  expect(states(world)).toEqual(["s2026q4 Retired", "s2026q4-2 Active"]);
  world.keys.shift();
  delete world.history;
  delete world.rotate;
  live(world, 3 * hour);
  world.rotate = "again";
  look(world);
  expect(states(world)).toEqual(["s2026q4-2 Active", "s2026q4-3 Pending"]);
});

const made = (n: number, more: Partial<KeyEntry> = {}): KeyEntry => ({
  selector: `k${n}`,
  algorithm: "RSA2048",
  allottedAt: n,
  key: { publicKey: "AAAA", fingerprint: "a", createdAt: n },
  ...more,
});
function leftOut(entries: readonly KeyEntry[], ...signers: readonly string[]): readonly string[] {
  const kept = new Set(mostImportant(entries, new Set(signers)));
  return entries.filter((entry) => !kept.has(entry)).map(({ selector }) => selector);
}

test("a report that is too long leaves out what signs no more, the oldest first, then what waits, the newest first", () => {
  const waiting = Array.from({ length: 18 }, (_, n) => made(n));
  expect(leftOut(waiting.slice(0, 16))).toEqual([]);
  expect(leftOut(waiting, "k17", "k3")).toEqual(["k15", "k16"]);
  const spent = made(99, { activatedAt: 1, retiredAt: 2 });
  expect(leftOut([...waiting, spent], "k17")).toEqual(["k15", "k16", "k99"]);
  expect(leftOut([spent, made(98, { activatedAt: 1, retiredAt: 3 }), ...waiting.slice(0, 15)])).toEqual(["k99"]);
});

test("nothing signs by Ed25519 alone", () => {
  const world = working(specOf({ algorithms: ["RSA2048", "Ed25519"] }));
  expect(world.held).toHaveLength(2);
  world.hidden.add(prefix(world));
  live(world, hour);
  expect(world.held).toEqual([]);
});

function prefix(world: World): string {
  return world.history?.keys[0]?.selector ?? "";
}

const absent = (at: number): Visibility => ({
  seen: false,
  missed: true,
  requiredDelay: 0,
  shownSomewhere: false,
  absentEverywhereAt: at,
});

describe("a holder whose records are absent everywhere", () => {
  const entry: KeyEntry = {
    selector: "s",
    algorithm: "RSA2048",
    allottedAt: 1,
    key: { publicKey: "AAAA", fingerprint: "a", createdAt: 1 },
  };
  const waits = { step: 6 * hour, gap: 14 * hour };
  const after = (hours: number, view: (now: number) => Visibility): boolean => {
    let absence = holdAbsence(undefined, [entry], () => view(day), { waits, now: day });
    for (let passed = 1; passed <= hours; passed++)
      absence = holdAbsence(absence.watch, [entry], () => view(day + passed * hour), {
        waits,
        now: day + passed * hour,
      });
    return absence.over;
  };
  test.each<[string, number, (now: number) => Visibility, boolean]>([
    ["71 h", 71, absent, false],
    ["73 h", 73, absent, true],
    ["73 h of silence", 73, () => ({ ...absent(0), absentEverywhereAt: undefined }), false],
    [
      "73 h, but for one server once",
      73,
      (now) => ({ ...absent(now), shownSomewhere: now === day + 50 * hour }),
      false,
    ],
  ])("%s", (_, hours, view, expected) => {
    expect(after(hours, view)).toBe(expected);
  });
});
