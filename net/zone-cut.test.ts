import { describe, expect, test } from "vitest";
import { addressGuard } from "./address-guard.ts";
import type { Answer, RecordType, Resolver } from "./resolver.ts";
import { findZone, type ZoneCutOptions } from "./zone-cut.ts";

type Zone = Readonly<Record<string, Answer>>;

const records = (...values: readonly string[]): Answer => ({ kind: "Records", values, ttl: 60 });
const failed: Answer = { kind: "Failed", reason: "SERVFAIL" };

/** A resolver that knows `TYPE name`, and counts what it was asked. */
function options(zone: Zone, more: Partial<ZoneCutOptions> = {}): ZoneCutOptions & { readonly asked: string[] } {
  const asked: string[] = [];
  const resolver: Resolver = {
    resolve<T extends RecordType>(name: string, type: T) {
      asked.push(`${type} ${name}`);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the key holds the type
      return Promise.resolve((zone[`${type} ${name}`] ?? { kind: "NXDomain" }) as Answer<T>);
    },
  };
  return { resolver, guard: addressGuard([]), authorities: [], port: 53, asked, ...more };
}

const shop: Zone = { "NS shop.example": records("ns1.net.example"), "A ns1.net.example": records("9.9.9.9") };
const server = { server: "ns1.net.example (9.9.9.9)", at: { address: "9.9.9.9", port: 53 } };

describe("the zone of a name", () => {
  test.each<[string, string, Zone, unknown]>([
    ["is found above it", "a.b.shop.example", shop, { zone: "shop.example", servers: [server] }],
    ["may begin at it", "shop.example", shop, { zone: "shop.example", servers: [server] }],
    [
      "is the nearest",
      "a.b.shop.example",
      { ...shop, "NS b.shop.example": records("x.y") },
      { zone: "b.shop.example" },
    ],
    [
      "does not begin at an alias",
      "b.shop.example",
      { ...shop, "NS b.shop.example": records("x.y"), "CNAME b.shop.example": records("other.example") },
      { zone: "shop.example", servers: [server] },
    ],
    [
      "is not looked for above a failure",
      "b.shop.example",
      { ...shop, "NS b.shop.example": failed },
      {
        kind: "Failed",
        reason: "name servers of b.shop.example: SERVFAIL",
      },
    ],
    ["is nowhere", "shop.example", {}, { kind: "Failed", reason: "no name above it has name servers" }],
  ])("%s", async (_, name, zone, expected) => {
    expect(await findZone(options(zone), name)).toMatchObject(expected as object);
  });

  test("is a named one before it is looked for, the longest first", async () => {
    const at = { address: "10.0.0.1", port: 5353 };
    const authorities = [
      { zone: "example", servers: [{ address: "10.0.0.2", port: 53 }] },
      { zone: "shop.example", servers: [at] },
    ];
    const given = options(shop, { authorities });
    expect(await findZone(given, "a.shop.example")).toMatchObject({
      zone: "shop.example",
      servers: [{ server: "10.0.0.1:5353", at }],
    });
    expect(await findZone(given, "workshop.example")).toMatchObject({ zone: "example" });
    expect(given.asked).toEqual([]);
  });
});

const reason = (text: string): unknown => [{ at: { reason: text } }];

describe("the servers of a zone", () => {
  const of = async (zone: Zone): Promise<unknown> => {
    const cut = await findZone(options({ "NS shop.example": records("n1.example"), ...zone }), "shop.example");
    return cut.kind === "Zone" ? cut.servers : cut;
  };

  test.each<[string, Zone, unknown]>([
    ["have no address", {}, reason("it has no address")],
    ["have an address that cannot be found out", { "A n1.example": failed }, reason("SERVFAIL")],
    [
      "point into the cluster",
      { "A n1.example": records("10.96.0.10") },
      reason("its address must not be asked: Private"),
    ],
    [
      "point to the metadata service",
      { "A n1.example": records("169.254.169.254") },
      reason("its address must not be asked: LinkLocal"),
    ],
    ["point to this machine", { "AAAA n1.example": records("::1") }, reason("its address must not be asked: Loopback")],
    [
      "hide such an address",
      { "AAAA n1.example": records("::ffff:10.0.0.1") },
      reason("its address must not be asked: EmbedsIPv4"),
    ],
    [
      "have more addresses than are asked",
      { "A n1.example": records("9.9.9.11", "9.9.9.10", "9.9.9.12"), "AAAA n1.example": records("2620:fe::9") },
      [{ at: { address: "9.9.9.10" } }, { at: { address: "9.9.9.11" } }],
    ],
    [
      "share an address",
      {
        "NS shop.example": records("n1.example", "n2.example"),
        "A n1.example": records("9.9.9.9"),
        "A n2.example": records("9.9.9.9"),
      },
      [{ server: "n1.example (9.9.9.9)" }],
    ],
    ["have names that are none", { "NS shop.example": records('a b"\u001b[31m.example') }, reason("not a host name")],
    ["are the root", { "NS shop.example": records("") }, reason("not a host name")],
  ])("%s", async (_, zone, expected) => {
    expect(await of(zone)).toMatchObject(expected as object);
  });

  test("are 13 of 10,000, always the same, and no others are looked up", async () => {
    const hosts = Array.from({ length: 10_000 }, (_, i) => `n${i}.example`);
    const zone: Zone = Object.fromEntries(hosts.map((host, i) => [`A ${host}`, records(`9.9.${i >> 8}.${i & 255}`)]));
    const run = async (order: readonly string[]): Promise<[unknown, number]> => {
      const given = options({ ...zone, "NS shop.example": records(...order) });
      return [await findZone(given, "shop.example"), given.asked.length];
    };
    const [first, asked] = await run(hosts);
    const [second] = await run(hosts.toReversed());
    expect(first).toMatchObject({
      servers: hosts
        .toSorted()
        .slice(0, 13)
        .map((host) => ({ server: expect.stringContaining(`${host} (`) })),
    });
    expect(second).toEqual(first);
    expect(asked).toBe(2 + 2 * 13);
  });
});
