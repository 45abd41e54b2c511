import { expect, test } from "vitest";
import type { Answer, RecordType } from "../net/resolver.ts";
import type { KeyStatus, RecordStatus } from "../crds/sending-domain.ts";
import type { FleetLookUp } from "./fleet-finding.ts";
import { judgeShared, type SharedClaim } from "./fleet-shared-domain.ts";

const shared = { domain: "mail.example.net", namespace: "mail-platform" };
const rsa = "v=DKIM1; k=rsa; p=AAAA";
const ed = "v=DKIM1; k=ed25519; p=BBBB";
type Zone = Readonly<Record<string, readonly string[] | "failed">>;
const good: Zone = {
  "s1._domainkey.mail.example.net": [rsa],
  "s1-ed._domainkey.mail.example.net": [ed],
  "_dmarc.mail.example.net": ["v=DMARC1; p=reject"],
};

function lookUpIn(zone: Zone): FleetLookUp {
  const known = (name: string, _type: RecordType): Answer => {
    const found = zone[name];
    if (found === "failed") return { kind: "Failed", reason: "timeout" };
    if (found === undefined || found.length === 0) return { kind: "NXDomain" };
    return { kind: "Records", values: found.map((text) => [text]), ttl: 60 };
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one function for all types
  return known as FleetLookUp;
}

const record = (selector: string, value: string): RecordStatus => ({
  purpose: "DKIM",
  type: "TXT",
  fqdn: `${selector}._domainkey.mail.example.net`,
  name: `${selector}._domainkey`,
  value,
  verdict: "Unknown",
  verdictSince: "2026-11-22T12:00:00Z",
});
const key = (selector: string, algorithm: KeyStatus["algorithm"], state: KeyStatus["state"] = "Active"): KeyStatus => ({
  selector,
  algorithm,
  state,
  fingerprint: "f",
  createdAt: "2026-11-22T12:00:00Z",
});
const claim = (more: Partial<Exclude<SharedClaim["claim"], string>> = {}): SharedClaim => ({
  ...shared,
  claim: {
    spec: { dmarc: { policy: "Quarantine", testing: "Disabled" } },
    status: {
      records: [record("s1", rsa), record("s1-ed", ed)],
      dkim: { keys: [key("s1", "RSA2048"), key("s1-ed", "Ed25519")] },
    },
    ...more,
  },
});
const bad = (zone: Zone, given = claim()): readonly string[] =>
  judgeShared(given, lookUpIn({ ...good, ...zone }))
    .filter(({ verdict }) => verdict !== "Valid")
    .map(({ subject, verdict, explanation }) => `${verdict} ${subject}: ${explanation}`);

test("a sound shared domain: each key, and DMARC", () => {
  expect(bad({})).toEqual([]);
  expect(judgeShared(claim(), lookUpIn(good)).map(({ subject }) => subject)).toEqual([
    "DKIM s1._domainkey.mail.example.net",
    "DKIM s1-ed._domainkey.mail.example.net",
    "DMARC _dmarc.mail.example.net",
  ]);
});

test.each<[string, Zone, RegExp]>([
  [
    "a key is missing",
    { "s1._domainkey.mail.example.net": [] },
    /^Wrong DKIM s1\._.* not published\. Publish s1\._domainkey\.mail\.example\.net\. 3600 IN TXT "v=DKIM1; k=rsa; p=AAAA"$/,
  ],
  ["another key stands there", { "s1._domainkey.mail.example.net": [ed] }, /^Wrong DKIM s1\._.* k= tag is not rsa/],
  ["two records stand there", { "s1._domainkey.mail.example.net": [rsa, ed] }, /^Wrong DKIM s1\._.*2 TXT records/],
  ["DKIM cannot be asked for", { "s1._domainkey.mail.example.net": "failed" }, /^Unknown DKIM s1\._.*timeout/],
  ["DMARC is missing", { "_dmarc.mail.example.net": [] }, /^Wrong DMARC .* no DMARC record\. Publish _dmarc\./],
  ["DMARC is weaker than asked", { "_dmarc.mail.example.net": ["v=DMARC1; p=none"] }, /less strict than asked/],
  ["DMARC is strict about DKIM", { "_dmarc.mail.example.net": ["v=DMARC1; p=reject; adkim=S"] }, /take adkim=s away/],
  [
    "DMARC from above is strict about DKIM",
    { "_dmarc.mail.example.net": [], "_dmarc.example.net": ["v=DMARC1; p=reject; adkim=s"] },
    /take adkim=s away/,
  ],
  ["DMARC cannot be asked for", { "_dmarc.mail.example.net": "failed" }, /^Unknown DMARC/],
])("%s", (_, zone, message) => {
  expect(bad(zone)).toEqual([expect.stringMatching(message)]);
});

test("DMARC from above is enough", () => {
  expect(bad({ "_dmarc.mail.example.net": [], "_dmarc.example.net": ["v=DMARC1; p=reject"] })).toEqual([]);
});

test("a key that signs no more needs no record", () => {
  const keys = [key("s1", "RSA2048"), key("s1-ed", "Ed25519", "Retired")];
  const status = { records: [record("s1", rsa), record("s1-ed", ed)], dkim: { keys } };
  expect(bad({ "s1-ed._domainkey.mail.example.net": [] }, claim({ status }))).toEqual([]);
});

test.each<[string, SharedClaim, RegExp]>([
  [
    "no claim",
    { ...shared, claim: "None" },
    /^Wrong DKIM mail.example.net: No SendingDomain in the namespace mail-platf/,
  ],
  ["no state folder", { ...shared, claim: "Unseen" }, /^Unknown DKIM mail.example.net: .*--state/],
  ["no key yet", claim({ status: {} }), /^Wrong DKIM mail.example.net: It has no DKIM key yet/],
])("%s", (_, given, message) => {
  expect(bad({}, given)).toEqual([expect.stringMatching(message)]);
});
