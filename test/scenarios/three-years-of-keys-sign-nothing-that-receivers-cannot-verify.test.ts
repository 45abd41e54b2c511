import { expect, test } from "vitest";
import { keySecretName } from "../../contract/names.ts";
import type { SendingDomainSpec } from "../../crds/sending-domain.ts";
import type { DomainPlan } from "../../operator/sending-domain/plan.ts";
import { createKeyYears, createZone, hour, type SimulatedClaim } from "../harness/key-years.ts";
import { seededRandom } from "../harness/seeded-random.ts";

/*
 * 200 domains live through three years in little more than a minute of one core. What makes that possible:
 * - Nearly all are in a fleet whose checks run every 144 h (12 h rising to 48 h while a record is missing), not every hour;
 *   one is checked every 12 h. Every rule is about checks and not about hours, or waits in hours that are far longer, but for
 *   the 72 h after which a hold is lost: checks fall within them, because a domain is looked at more often while a record is missing.
 * - Time goes in steps of an hour; nothing is left out between two of them, because nothing happens there.
 * - Keys are stand-ins with a fingerprint, and zones are two servers in memory. SPF and DMARC are always right.
 * Every rule is held whenever the operator has settled on a plan, which is after every check and every change.
 */
const domains = 200;
const day = 24 * hour;
const start = Date.parse("2026-01-10T00:00:00Z");
const end = start + 3 * 365 * day;
const random = seededRandom(20_261_122);
const between = (least: number, most: number): number => least + random() * (most - least);
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

/** What the scenario knows of a key, from the outside. */
interface Key {
  readonly fqdn: string;
  readonly value: string;
  /** Whether all servers that answered showed the record, in the last two checks in which any did. */
  seen: readonly boolean[];
  lastSigned?: number;
  revoked: boolean;
}

const keys = new Map<string, Key>();
const keysOf = new Map<SimulatedClaim, Key[]>();
const keysBySecret = new Map<string, Key>();
/** Selectors that relays sign with, by domain. */
const signing = new Map<string, readonly Key[]>();
const owners = new Map<SimulatedClaim, { readonly published: Set<string>; asked: string; left: boolean }>();
/** What signs, by domain, as it was last told. */
const signers = new Map<string, string>();
const lastShown = new Map<SimulatedClaim, number>();
const lastAllotted = new Map<string, number>();
const touched = new Set<SimulatedClaim>();
/** What happened to a domain last, in dated sentences: the story that a broken rule is told with. */
const diaries = new Map<string, readonly string[]>();
const counts = new Map<string, number>();
const count = (what: string, by = 1): void => void counts.set(what, (counts.get(what) ?? 0) + by);
const of = (what: string): number => counts.get(what) ?? 0;
let waiting = 0;

function note({ domain, namespace }: SimulatedClaim, sentence: string): void {
  const entry = `${new Date(years.now).toISOString().slice(0, 13)}h  ${namespace}: ${sentence}`;
  diaries.set(domain, [...(diaries.get(domain) ?? []).slice(-24), entry]);
}

/** A rule that must hold; one that does not ends the years with the story of the domain. */
function demand(holds: boolean, { domain }: SimulatedClaim, rule: string): void {
  if (!holds) throw new Error([`${domain}: ${rule}`, ...(diaries.get(domain) ?? [])].join("\n"));
}

const years = createKeyYears(start, {
  onCheck(claim, names) {
    count("checks");
    for (const fqdn of names) {
      const key = keys.get(idOf(claim, fqdn));
      if (key === undefined) continue;
      const answers = claim.zone.shown(fqdn).filter((shown) => shown !== "silent");
      if (answers.some((shown) => shown?.includes(key.value.slice(-40)))) lastShown.set(claim, years.now);
      if (answers.length === 0) continue;
      const isSeen = answers.every((shown) => shown === key.value);
      if (key.seen.at(-1) !== isSeen) note(claim, `a check ${isSeen ? "sees" : "misses"} ${selectorOf(fqdn)}`);
      key.seen = [...key.seen.slice(-1), isSeen];
    }
  },
  onSettled(claim, plan) {
    learnKeys(claim, plan);
    checkSignatures(claim);
    checkReport(claim, plan);
    publish(claim, plan);
  },
  onNote({ reason, message }, claim) {
    count(reason);
    if (reason !== "SigningKeysChanged") note(claim, `the operator says: ${message}`);
    const absent = years.now - (lastShown.get(claim) ?? 0);
    demand(reason !== "HoldLost" || absent >= 72 * hour, claim, `the hold is lost after ${absent / hour} h`);
    demand(reason !== "KeyLost", claim, "a private key is said to be lost, and none was");
  },
  onDelete(claim, name) {
    const key = keysBySecret.get(name);
    if (key?.lastSigned === undefined || key.revoked) return;
    const since = years.now - key.lastSigned;
    demand(
      since >= 48 * hour,
      claim,
      `the key of ${selectorOf(key.fqdn)} is deleted ${since / hour} h after it signed`,
    );
  },
});

function idOf(claim: SimulatedClaim, fqdn: string): string {
  return `${claim.namespace}/${fqdn}`;
}

function selectorOf(fqdn: string): string {
  return fqdn.split(".")[0] ?? fqdn;
}

function dkimRecords(plan: Pick<DomainPlan, "status">) {
  return (plan.status?.records ?? []).filter(({ purpose }) => purpose === "DKIM");
}

/** A selector stands for one key, once and for all. */
function learnKeys(claim: SimulatedClaim, plan: DomainPlan): void {
  for (const { fqdn, value } of dkimRecords(plan)) {
    const known = keys.get(idOf(claim, fqdn));
    if (known) {
      if (value === "v=DKIM1; p=") known.revoked = true;
      else demand(!known.revoked && value === known.value, claim, `${selectorOf(fqdn)} is to say ${value} now`);
      continue;
    }
    const key: Key = { fqdn, value, seen: [], revoked: false };
    keys.set(idOf(claim, fqdn), key);
    keysOf.set(claim, [...(keysOf.get(claim) ?? []), key]);
    const selector = fqdn.split(".")[0] as string;
    keysBySecret.set(keySecretName(claim, selector), key);
    if (!selector.endsWith("-ed")) checkRotation(claim);
  }
}

/** A schedule alone makes no pair within 60 days of the last one, whatever the clock does; Interval here is 30 days or more. */
function checkRotation(claim: SimulatedClaim): void {
  const id = `${claim.namespace}/${claim.domain}`;
  const before = lastAllotted.get(id);
  lastAllotted.set(id, years.now);
  if (before === undefined) return;
  count("rotations");
  if (touched.has(claim)) touched.delete(claim);
  else
    demand(years.now - before >= 24 * day, claim, `a rotation comes ${(years.now - before) / day} days after another`);
}

/** A signature is made only with a key whose record every reachable server showed in one of the last two checks. */
function checkSignatures(claim: SimulatedClaim): void {
  for (const key of signing.get(claim.domain) ?? []) key.lastSigned = years.now;
  const contract = years.contractOf(claim.domain);
  const holder = contract?.namespace;
  const named = (contract?.selectors ?? []).map(
    (selector) => keys.get(`${holder}/${selector}._domainkey.${claim.domain}`) as Key,
  );
  const text = named.map(({ fqdn }) => selectorOf(fqdn)).join(" and ") || "no key";
  if (text !== signers.get(claim.domain)) note(claim, `the contract names ${text}`);
  signers.set(claim.domain, text);
  signing.set(claim.domain, named);
  if (holder !== claim.namespace) return;
  for (const key of named) {
    const seen = key.seen.map((each) => (each ? "saw it" : "did not see it")).join(", then ") || "have not looked";
    demand(!key.revoked, claim, `${selectorOf(key.fqdn)} signs and is revoked`);
    demand(key.seen.includes(true), claim, `${selectorOf(key.fqdn)} signs, and the last two checks ${seen}`);
    key.lastSigned = years.now;
  }
  if (named.length === 0) waiting += 1;
  else
    demand(
      named.some(({ fqdn }) => !/^[^.]*-ed\./.test(fqdn)),
      claim,
      "Ed25519 signs alone",
    );
}

/** Nothing that is asked for removes a record within 48 h of the key's last signature, revocation aside. */
function checkReport(claim: SimulatedClaim, plan: DomainPlan): void {
  const reported = new Set(dkimRecords(plan).map(({ fqdn }) => fqdn));
  for (const key of keysOf.get(claim) ?? []) {
    if (key.lastSigned === undefined || key.revoked || reported.has(key.fqdn)) continue;
    const since = years.now - key.lastSigned;
    demand(
      since >= 48 * hour,
      claim,
      `the record of ${selectorOf(key.fqdn)} is let go ${since / hour} h after it signed`,
    );
  }
}

/** The owner publishes what the report asks for, sooner or later, and removes at once what it names no more. */
function publish(claim: SimulatedClaim, plan: DomainPlan): void {
  const owner = owners.get(claim);
  if (owner === undefined || owner.left) return;
  const records = dkimRecords(plan);
  for (const fqdn of owner.published) {
    if (records.some((record) => record.fqdn === fqdn)) continue;
    owner.published.delete(fqdn);
    claim.zone.wanted.delete(fqdn);
    spread(claim);
  }
  const asked = records.map(({ fqdn, value }) => `${fqdn} ${value}`).join();
  if (asked === owner.asked) return;
  owner.asked = asked;
  years.at(years.now + pick([0, 2, 5, 20, 60, 300]) * hour, () => putRecords(claim));
}

function putRecords(claim: SimulatedClaim): void {
  const owner = owners.get(claim);
  if (owner === undefined || owner.left || claim.gone) return;
  for (const { fqdn, value } of dkimRecords({ status: years.statusOf(claim) })) {
    claim.zone.wanted.set(fqdn, value);
    owner.published.add(fqdn);
  }
  spread(claim);
}

function spread({ zone }: SimulatedClaim): void {
  years.at(years.now + between(0, 4) * hour, () => zone.sync(0));
  years.at(years.now + between(0, 30) * hour, () => zone.sync(1));
}

/** Faults of a zone, one after the other. */
function trouble(claim: SimulatedClaim): void {
  const { zone } = claim;
  const server = pick([0, 1]);
  const until = (hours: number, undo: () => void): void => years.at(years.now + hours * hour, undo);
  const name = pick([...zone.wanted.keys(), "none"]);
  const servers = pick([[0], [1], [0, 1], [0, 1]]);
  pick<() => void>([
    () => {
      note(claim, `of two servers ${servers.length} go down`);
      for (const each of servers) zone.setDown(each, true);
      until(between(1, 80), () => servers.forEach((each) => zone.setDown(each, false)));
    },
    () => {
      note(claim, `server ${server} falls behind`);
      zone.setStale(server, true);
      until(between(10, 300), () => {
        zone.setStale(server, false);
        zone.sync(server);
      });
    },
    () => {
      note(claim, `of two servers ${servers.length} lose ${selectorOf(name)}`);
      for (const each of servers) zone.lose(each, name);
      count("losses");
      until(pick([1, 10, 60, 100]), () => servers.forEach((each) => zone.find(each, name)));
    },
    () => {
      note(claim, `a foreign record stands beside ${selectorOf(name)}`);
      zone.foreign.add(name);
      until(between(1, 40), () => void zone.foreign.delete(name));
    },
  ])();
  years.at(years.now + between(5, 60) * day, () => trouble(claim));
}

/** What owners do, one after the other. */
async function act(claim: SimulatedClaim): Promise<void> {
  const spec = years.specOf(claim);
  years.at(years.now + between(20, 300) * day, () => act(claim));
  if (claim.gone || spec === undefined) return;
  touched.add(claim);
  const { dkim } = spec;
  const token = String(Math.floor(years.now / hour));
  const change = (more: Partial<SendingDomainSpec["dkim"]>) =>
    years.change(claim, { ...spec, dkim: { ...dkim, ...more } });
  const what = pick(["rotate", "rotate", "rotate twice", "revoke", "prefix", "algorithms", "delete", "leave"] as const);
  count(what);
  note(claim, `the owner wants: ${what}`);
  if (what === "rotate" || what === "rotate twice") await years.change(claim, spec, token);
  if (what === "rotate twice")
    years.at(years.now + between(1, 400) * hour, async () => {
      const now = years.specOf(claim);
      if (now) touched.add(claim);
      if (now) await years.change(claim, now, `${token}-2`);
    });
  if (what === "revoke") await revoke(claim, spec);
  if (what === "prefix") await change({ selectorPrefix: pick(["s", "t", "mail"]) });
  if (what === "algorithms") await change({ algorithms: pick([["RSA2048"], ["RSA2048", "Ed25519"]]) });
  if (what === "delete") await years.change(claim, undefined);
  if (what === "delete") years.at(years.now + between(0, 900) * hour, () => years.change(claim, spec));
  if (what === "leave") leave(claim);
}

async function revoke(claim: SimulatedClaim, spec: SendingDomainSpec): Promise<void> {
  const standing = (years.statusOf(claim)?.dkim?.keys ?? []).filter(({ state }) => state !== "Revoked");
  if (standing.length === 0) return;
  const { selector } = pick(standing);
  const key = keys.get(idOf(claim, `${selector}._domainkey.${claim.domain}`));
  if (key) key.revoked = true;
  const revokedSelectors = [...spec.dkim.revokedSelectors.slice(-5), selector];
  await years.change(claim, { ...spec, dkim: { ...spec.dkim, revokedSelectors } });
}

/** The owner takes every record away for some days, as when a domain expires, and comes back. */
function leave(claim: SimulatedClaim): void {
  const owner = owners.get(claim);
  if (owner === undefined || owner.left) return;
  owner.left = true;
  for (const fqdn of owner.published) claim.zone.wanted.delete(fqdn);
  spread(claim);
  years.at(years.now + pick([50, 100, 200]) * hour, () => {
    owner.left = false;
    putRecords(claim);
  });
}

function specOf(domain: string, place: number): SendingDomainSpec {
  const common = { overlap: "240h", retention: "720h" };
  const rotation = pick<SendingDomainSpec["dkim"]["rotation"]>([
    { schedule: "Quarterly", ...common },
    { schedule: "Quarterly", ...common },
    { schedule: "Quarterly", ...common },
    { schedule: "Interval", every: pick(["1440h", "2160h"]), ...common },
    { schedule: "Manual", overlap: "120h", retention: "48h" },
  ]);
  return {
    domain,
    tenantRef: { name: "shop" },
    deletionPolicy: "Retain",
    dkim: {
      algorithms: place % 4 === 0 ? ["RSA2048"] : ["RSA2048", "Ed25519"],
      selectorPrefix: "s",
      rotation,
      revokedSelectors: [],
    },
    spf: { qualifier: "SoftFail" },
    dmarc: { policy: "None", testing: "Disabled" },
  };
}

function begin(claim: SimulatedClaim): SimulatedClaim {
  owners.set(claim, { published: new Set(), asked: "", left: false });
  touched.add(claim);
  years.at(start + between(1, 60) * day, () => trouble(claim));
  years.at(start + between(10, 400) * day, () => act(claim));
  return claim;
}

/** Every tenth domain moves to another namespace some day: a second claim proves itself beside the first, which then goes. */
function move(claim: SimulatedClaim, place: number): void {
  years.at(start + between(100, 900) * day, () => {
    const spec = specOf(claim.domain, place);
    begin(years.addClaim({ ...claim, namespace: "b" }, { ...spec, dkim: { ...spec.dkim, selectorPrefix: "m" } }));
    note(claim, "the domain is to move to b");
    years.at(years.now + 30 * day, () => {
      count("moves");
      owners.delete(claim);
      return years.change(claim, undefined);
    });
  });
}

test("three years of 200 domains", async ({ task }) => {
  for (let place = 0; place < domains; place++) {
    const domain = `d${place}.example`;
    const checkInterval = (place === 1 ? 12 : 144) * hour;
    const added = { namespace: "a", domain, zone: createZone(), checkInterval };
    const claim = begin(years.addClaim(added, specOf(domain, place)));
    if (place % 10 === 0) move(claim, place);
  }
  const restart = async (): Promise<void> => {
    count("restarts");
    for (const claim of owners.keys()) {
      claim.evidence = { names: new Map(), negativeTtl: 0 };
      note(claim, "the operator starts again");
    }
    for (const claim of owners.keys()) if (!claim.gone) await years.settle(claim);
    years.at(years.now + between(20, 90) * day, restart);
  };
  years.at(start + 20 * day, restart);
  for (const [when, error, length] of [
    [150, 30 * day, 5],
    [400, -3 * day, 20],
    [700, 400 * day, 30],
  ] as const) {
    years.at(start + when * day, () => void (years.clockError = error));
    years.at(start + when * day + length * hour, () => void (years.clockError = 0));
  }
  await years.runUntil(end);
  task.meta.summary = [
    `Three years of ${domains} domains, every rule held: ${of("checks")} checks, ${of("restarts")} restarts, 3 jumps of the clock`,
    `keys: ${keys.size} made, ${of("rotations")} rotations, ${of("KeyActivated")} activations, ${of("KeyRetiring")} replaced, ${of("KeyRetired")} retired, ${of("KeyRevoked")} revoked`,
    `zones: ${of("losses")} losses, ${of("RecordLost")} noticed for keys in use, ${of("RecordBack")} came back`,
    `domains: ${of("OwnershipProven")} proven, ${of("HoldLost")} lost after 72 h, ${of("DomainReleased")} released, ${of("moves")} moved, ${waiting} looks found no visible key`,
  ].join("\n");
  for (const what of [
    "rotations",
    "KeyRetired",
    "KeyRevoked",
    "RecordLost",
    "RecordBack",
    "HoldLost",
    "DomainReleased",
  ])
    expect([what, of(what) > 0]).toEqual([what, true]);
}, 600_000);
