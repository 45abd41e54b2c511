import { describe, expect, test } from "vitest";
import type { ContractDelivery } from "../../contract/tenant-contract.ts";
import { addressGuard } from "../../net/address-guard.ts";
import type { Answer, RecordType, Resolver } from "../../net/resolver.ts";
import { findRoute, type RouteParts } from "./route.ts";
import { mostAddresses, mostHops } from "./vet.ts";

/** A zone: answers by "name TYPE"; "Failed" fails, what is missing is NoData. */
type Zone = Readonly<Record<string, readonly unknown[] | "Failed" | "NXDomain">>;

function resolverOf(zone: Zone): Resolver {
  return {
    resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
      const entry = zone[`${name} ${type}`];
      if (entry === undefined) return Promise.resolve({ kind: "NoData" });
      if (entry === "NXDomain") return Promise.resolve({ kind: "NXDomain" });
      if (entry === "Failed") return Promise.resolve({ kind: "Failed", reason: "SERVFAIL" });
      return Promise.resolve({ kind: "Records", values: entry, ttl: 60 } as Answer<T>);
    },
  };
}

function partsOf(zone: Zone, allowNetworks: readonly string[] = []): RouteParts {
  return { resolver: resolverOf(zone), guard: addressGuard(allowNetworks), random: () => 0, port: 25 };
}

const direct: ContractDelivery = { route: "Direct", tlsPolicy: "Opportunistic", smarthosts: [] };
const mx = (preference: number, exchange: string): unknown => ({ preference, exchange });

describe("a direct route", () => {
  const cases: readonly { name: string; zone: Zone; allow?: string[]; hops?: string[]; failure?: object }[] = [
    {
      name: "MX hosts in order, IPv4 before IPv6",
      zone: {
        "example.com MX": [mx(20, "b.example"), mx(10, "a.example")],
        "a.example AAAA": ["2606:4700::1"],
        "a.example A": ["8.8.8.1", "8.8.8.2"],
        "b.example A": ["8.8.8.3"],
      },
      hops: ["a.example 8.8.8.1", "a.example 8.8.8.2", "a.example 2606:4700::1", "b.example 8.8.8.3"],
    },
    {
      name: "the domain itself without MX",
      zone: { "example.com A": ["8.8.8.1"] },
      hops: ["example.com 8.8.8.1"],
    },
    {
      name: "what the guard refuses is left out",
      zone: {
        "example.com MX": [mx(10, "a.example"), mx(20, "b.example")],
        "a.example A": ["127.0.0.1", "8.8.8.1", "10.0.0.1"],
        "b.example AAAA": ["::1", "::ffff:8.8.8.8"],
      },
      hops: ["a.example 8.8.8.1"],
    },
    {
      name: "a network that the fleet names",
      zone: { "example.com A": ["127.0.0.1"] },
      allow: ["127.0.0.0/8"],
      hops: ["example.com 127.0.0.1"],
    },
    {
      name: "only addresses that are refused",
      zone: { "example.com A": ["169.254.169.254"] },
      failure: { kind: "Permanent", class: "AddressRefused", enhanced: "5.4.4" },
    },
    {
      name: "refused addresses, and an answer that is missing",
      zone: { "example.com A": ["127.0.0.1"], "example.com AAAA": "Failed" },
      failure: { kind: "Temporary", class: "DNSFailed", enhanced: "4.4.3" },
    },
    {
      name: "hosts without addresses",
      zone: { "example.com MX": [mx(10, "a.example")], "a.example A": "NXDomain", "a.example AAAA": "NXDomain" },
      failure: { kind: "Permanent", class: "NoRoute", enhanced: "5.4.4" },
    },
    {
      name: "one host fails to resolve, the other does not",
      zone: {
        "example.com MX": [mx(10, "a.example"), mx(20, "b.example")],
        "a.example A": "Failed",
        "b.example A": ["8.8.8.1"],
      },
      hops: ["b.example 8.8.8.1"],
    },
    {
      name: "no such domain",
      zone: { "example.com MX": "NXDomain" },
      failure: { kind: "Permanent", class: "UnknownDomain", enhanced: "5.1.2" },
    },
  ];

  test.each(cases)("$name", async ({ zone, allow, hops, failure }) => {
    const route = await findRoute("example.com", direct, partsOf(zone, allow));
    const got = route.kind === "Hops" ? route.hops.map(({ host, address }) => `${host} ${address}`) : route.failure;
    expect(got).toMatchObject(hops ?? failure ?? {});
  });

  test.each(["[192.0.2.1]", "", "a b", "a..b"])("%j is no domain", async (domain) => {
    const route = await findRoute(domain, direct, partsOf({}));
    expect(route).toMatchObject({ kind: "Nowhere", failure: { class: "UnknownDomain" } });
  });

  test("a hostile zone makes few hops", async () => {
    const many = Array.from({ length: 100 }, (_, i) => `8.8.8.${i}`);
    const hosts = Array.from({ length: 100 }, (_, i) => `mx${i}.example`);
    const zone = Object.fromEntries(hosts.map((host) => [`${host} A`, many]));
    const route = await findRoute(
      "example.com",
      direct,
      partsOf({ ...zone, "example.com MX": hosts.map((host, i) => mx(i, host)), "one.example A": many }),
    );
    expect(route.kind === "Hops" && route.hops).toHaveLength(mostHops);
    const one = await findRoute("one.example", direct, partsOf({ "one.example A": many }));
    expect(one.kind === "Hops" && one.hops).toHaveLength(mostAddresses);
  });

  test("Required asks for TLS without a certificate", async () => {
    const parts = partsOf({ "example.com A": ["8.8.8.1"] });
    const route = await findRoute("example.com", { ...direct, tlsPolicy: "Required" }, parts);
    expect(route).toMatchObject({ hops: [{ port: 25, tls: { start: "Required", verify: false } }] });
  });
});

const smarthost = (name: string, priority: number, host = `${name}.example`) =>
  ({ name, priority, host, port: 587, security: "StartTLS" }) as const;
const through = (...smarthosts: readonly ContractDelivery["smarthosts"][number][]): ContractDelivery => ({
  route: "Smarthost",
  tlsPolicy: "Required",
  smarthosts: [...smarthosts],
});

describe("a smarthost route", () => {
  test("by priority, with their ports, names and TLS", async () => {
    const zone = { "a.example A": ["8.8.8.1"], "b.example A": ["8.8.8.2"] };
    const route = await findRoute("example.com", through(smarthost("b", 20), smarthost("a", 10)), partsOf(zone));
    expect(route).toEqual({
      kind: "Hops",
      hops: [
        { host: "a.example", address: "8.8.8.1", port: 587, tls: { start: "Required", verify: true } },
        { host: "b.example", address: "8.8.8.2", port: 587, tls: { start: "Required", verify: true } },
      ],
    });
  });

  test("one that is written as an address", async () => {
    const route = await findRoute("example.com", through(smarthost("a", 1, "8.8.8.9")), partsOf({}));
    expect(route).toMatchObject({ hops: [{ host: "8.8.8.9", address: "8.8.8.9" }] });
  });

  test.each<[string, Zone, object]>([
    ["does not exist", { "a.example A": "NXDomain" }, { class: "NoRoute", enhanced: "4.4.4" }],
    ["has a refused address", { "a.example A": ["10.0.0.1"] }, { class: "AddressRefused", enhanced: "4.4.4" }],
    ["fails to resolve", { "a.example A": "Failed" }, { class: "DNSFailed", enhanced: "4.4.3" }],
  ])("is temporary when the smarthost %s", async (_, zone, failure) => {
    const route = await findRoute("example.com", through(smarthost("a", 1)), partsOf(zone));
    expect(route).toMatchObject({ kind: "Nowhere", failure: { kind: "Temporary", ...failure } });
  });

  test("names the Secret with the credentials, and verifies the certificate whatever the policy says", async () => {
    const credential = { kind: "Secret", secretName: "smarthost-1" } as const;
    const delivery = {
      ...through({ ...smarthost("a", 1, "8.8.8.9"), credential }),
      tlsPolicy: "Opportunistic" as const,
    };
    const hop = { host: "8.8.8.9", address: "8.8.8.9", port: 587, tls: { start: "Required", verify: true } };
    expect(await findRoute("example.com", delivery, partsOf({}))).toEqual({
      kind: "Hops",
      hops: [{ ...hop, login: "smarthost-1" }],
    });
  });

  test.each<[string, object, string]>([
    [
      "are withheld",
      { credential: { kind: "Withheld", reason: "SecretNotOffered" } },
      "no credentials now (SecretNotOff",
    ],
    [
      "would go to a port that is not of mail",
      { credential: { kind: "Secret", secretName: "x" }, port: 8025 },
      "port 8025",
    ],
  ])("waits when the credentials %s, and takes a smarthost that asks for none", async (_, more, text) => {
    const bad = { ...smarthost("a", 1, "8.8.8.9"), ...more };
    const route = await findRoute("example.com", through(bad), partsOf({}));
    expect(route).toMatchObject({ failure: { kind: "Temporary", class: "CredentialsMissing", enhanced: "4.7.0" } });
    expect(route.kind === "Nowhere" ? route.failure.text : "").toContain(text);
    const other = await findRoute("example.com", through(bad, smarthost("b", 2, "8.8.8.8")), partsOf({}));
    expect(other).toMatchObject({ kind: "Hops", hops: [{ host: "8.8.8.8" }] });
  });

  test("is temporary when there is none", async () => {
    expect(await findRoute("example.com", through(), partsOf({}))).toMatchObject({ failure: { kind: "Temporary" } });
  });
});
