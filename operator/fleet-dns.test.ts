import { expect, test } from "vitest";
import type { Answer, RecordType } from "../net/resolver.ts";
import { judgeFleet, reverseName } from "./fleet-dns.ts";
import type { FleetLookUp } from "./fleet-finding.ts";

const names = { hostname: "relay.example.net", include: "_spf.relay.example.net" };
const reverse = "1.2.0.192.in-addr.arpa";
type Zone = Readonly<Record<string, readonly string[] | "failed">>;
const good: Zone = {
  "TXT _spf.relay.example.net": ["v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all"],
  "A relay.example.net": ["192.0.2.1"],
  "AAAA relay.example.net": ["2001:DB8:0::1"],
  [`PTR ${reverse}`]: ["relay.example.net"],
  [`PTR ${reverseName("2001:db8::1")}`]: ["relay.example.net"],
};

function lookUpIn(zone: Zone): FleetLookUp {
  const known = (name: string, type: RecordType): Answer => {
    const found = zone[`${type} ${name}`];
    if (found === "failed") return { kind: "Failed", reason: "timeout" };
    if (found === undefined) return { kind: "NXDomain" };
    const values = type === "TXT" ? found.map((text) => [text]) : found;
    return { kind: "Records", values, ttl: 60 };
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one function for all types
  return known as FleetLookUp;
}
const bad = (zone: Zone): readonly string[] =>
  judgeFleet(names, lookUpIn({ ...good, ...zone }))
    .filter(({ verdict }) => verdict !== "Valid")
    .map(({ subject, verdict, explanation }) => `${verdict} ${subject}: ${explanation}`);

test("a sound fleet", () => {
  expect(bad({})).toEqual([]);
  expect(judgeFleet(names, lookUpIn(good)).map(({ subject }) => subject)).toEqual([
    "SPF _spf.relay.example.net",
    "EHLO relay.example.net",
    "PTR 192.0.2.1",
    "PTR 2001:db8::1",
  ]);
});

test.each<[string, Zone, RegExp]>([
  ["no SPF record", { "TXT _spf.relay.example.net": ["hello"] }, /^Wrong SPF .*There is no SPF record: publish/],
  ["two SPF records", { "TXT _spf.relay.example.net": ["v=spf1 -all", "v=spf1 a -all"] }, /2 SPF records/],
  ["no address", { "TXT _spf.relay.example.net": ["v=spf1 -all"] }, /names no address/],
  ["a fault", { "TXT _spf.relay.example.net": ["v=spf1 ip4:1.2.3 -all"] }, /no term of SPF/],
  [
    "too many look-ups",
    { "TXT _spf.relay.example.net": [`v=spf1 ip4:192.0.2.1 ${"ptr ".repeat(11)}-all`] },
    /takes 11 look-ups/,
  ],
  [
    "as many look-ups as are allowed",
    { "TXT _spf.relay.example.net": [`v=spf1 ip4:192.0.2.1 ${"ptr ".repeat(10)}-all`] },
    /who includes it is over the limit/,
  ],
  ["SPF cannot be asked for", { "TXT _spf.relay.example.net": "failed" }, /^Unknown SPF/],
  ["no PTR", { [`PTR ${reverse}`]: [] }, /^Wrong PTR 192.0.2.1: The address has no name/],
  [
    "a PTR that does not point back",
    { [`PTR ${reverse}`]: ["x.example"], "A x.example": ["192.0.2.9"] },
    /does not point back/,
  ],
  [
    "an EHLO name that is elsewhere",
    { [`PTR ${reverse}`]: ["x.example"], "A x.example": ["192.0.2.1"], "A relay.example.net": ["192.0.2.9"] },
    /says EHLO relay.example.net, which is neither/,
  ],
  ["PTR cannot be asked for", { [`PTR ${reverse}`]: "failed" }, /^Unknown PTR/],
])("%s", (_, zone, message) => {
  expect(bad(zone)).toHaveLength(1);
  expect(bad(zone)[0]).toMatch(message);
});

test("an EHLO name without an address is wrong, and so are its addresses", () => {
  expect(bad({ "A relay.example.net": [], "AAAA relay.example.net": [] })).toHaveLength(3);
});

test("another name that points back agrees with an EHLO name at the same address", () => {
  expect(bad({ [`PTR ${reverse}`]: ["x.example"], "A x.example": ["192.0.2.1"] })).toEqual([]);
});

test("of a range, the host name's addresses are looked at", () => {
  const findings = judgeFleet(
    names,
    lookUpIn({ ...good, "TXT _spf.relay.example.net": ["v=spf1 ip4:192.0.2.0/24 -all"] }),
  );
  expect(findings.map(({ subject }) => subject)).toContain("PTR 192.0.2.1");
});

test.each([
  ["192.0.2.1", "1.2.0.192.in-addr.arpa"],
  ["2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"],
])("the reverse name of %s", (address, name) => {
  expect(reverseName(address)).toBe(name);
});
