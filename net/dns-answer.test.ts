import dnsPacket, { type Answer as DnsRecord, type Packet } from "dns-packet";
import { expect, test } from "vitest";
import { readOwnAnswer } from "./dns-answer.ts";
import { encodeQuery, octetsOfChance } from "./dns-message.ts";

const name = "s1.shop.example";
const txt = (owner: string, data: string): DnsRecord => ({ type: "TXT", name: owner, ttl: 60, class: "IN", data });
const cname = (data: string): DnsRecord => ({ type: "CNAME", name, ttl: 60, class: "IN", data });
const soa: DnsRecord = {
  type: "SOA",
  name: "shop.example",
  ttl: 60,
  class: "IN",
  data: { mname: "ns.shop.example", rname: "root.shop.example", serial: 1, minimum: 30 },
};
const delegation: DnsRecord = { type: "NS", name: "shop.example", ttl: 60, class: "IN", data: "ns.child.example" };

const authority = dnsPacket.AUTHORITATIVE_ANSWER;
const nxdomain = 3;
const servfail = 2;

test.each<[what: string, packet: Packet, expected: unknown]>([
  ["a record", { flags: authority, answers: [txt("S1.Shop.example", "a")] }, { kind: "Records", values: [["a"]] }],
  [
    "a record from a cache",
    { answers: [txt(name, "a")] },
    { kind: "Failed", reason: "not authoritative for the zone" },
  ],
  ["a denial", { flags: authority | nxdomain, authorities: [soa] }, { kind: "NXDomain", negativeTtl: 30 }],
  ["a denial from a cache", { flags: nxdomain, authorities: [soa] }, { kind: "Failed" }],
  ["a referral", { authorities: [delegation] }, { kind: "Failed", reason: "a referral, not an answer" }],
  ["an error", { flags: servfail }, { kind: "Failed", reason: "SERVFAIL" }],
  [
    "an alias",
    { flags: authority, answers: [cname("Key.Mail.example")] },
    { kind: "Alias", target: "key.mail.example" },
  ],
  [
    "an alias with what it leads to, which is not its own to say",
    { flags: authority, answers: [cname("key.mail.example"), txt("key.mail.example", "forged")] },
    { kind: "Alias", target: "key.mail.example" },
  ],
  [
    "an alias to a name that it denies",
    { flags: authority | nxdomain, answers: [cname("key.mail.example")], authorities: [soa] },
    { kind: "Alias", target: "key.mail.example" },
  ],
  [
    "two aliases",
    { flags: authority, answers: [cname("a.mail.example"), cname("b.mail.example")] },
    { kind: "Failed", reason: "two aliases at one name" },
  ],
  ["the record of another name", { flags: authority, answers: [txt("shop.example", "a")] }, { kind: "NoData" }],
])("%s", (_, packet, expected) => {
  const decoded = dnsPacket.decode(dnsPacket.encode({ type: "response", ...packet }));
  expect(readOwnAnswer(decoded, "TXT", name)).toMatchObject(expected as object);
});

test.each([
  [true, true],
  [false, false],
])("recursion %s is asked for: %s", (recursion, desired) => {
  const { packet } = encodeQuery(name, "TXT", new Uint8Array(octetsOfChance), recursion);
  expect(dnsPacket.decode(packet).flag_rd).toBe(desired);
});
