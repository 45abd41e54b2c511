import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startStubApiServer, type StubApiServer } from "../../test/harness/stub-api-server.ts";
import { status, type StubAnswer } from "../../test/harness/stub-faults.ts";
import { openStubCluster, tenantKey, type StubCluster } from "../../test/harness/stub-cluster.ts";
import type { Kind } from "../object.ts";
import { keyText } from "../object.ts";
import { objectPath } from "./resources.ts";

const kinds: readonly Kind[] = ["RelayTenant", "SendingDomain", "Secret", "ConfigMap"];
const scope = { kind: "Namespaces", namespaces: ["team-shop", "late"] } as const;
const domainKey = { kind: "SendingDomain", namespace: "late", name: "example-com" } as const;
const isListed = (namespace: string) =>
  kinds.map((kind) => [world.cluster.isListed(kind, namespace), world.cluster.isCurrent(kind, namespace)]);
const all = (is: boolean) => kinds.map(() => [is, is]);
const said = (text: string): number => world.logged.filter((line) => line.includes(text)).length;
/** Refuses a part of the paths. */
const refuse = (part: RegExp, code = 403): void => {
  stub.fault = ({ path }) => (part.test(path) ? status(code, code === 403 ? "Forbidden" : "NotFound") : undefined);
};

let stub: StubApiServer;
let world: StubCluster;
beforeEach(async () => {
  stub = await startStubApiServer();
  for (const namespace of ["team-shop", "late"]) stub.put(objectPath(tenantKey("shop", namespace)), { spec: {} });
  stub.put(objectPath(domainKey), { spec: {} });
});

describe("a namespace that is refused", () => {
  afterEach(() => world.close());

  const role = "a Role must grant get, list and watch on";
  const refusals: readonly [what: string, part: RegExp, code: number, remedy: string][] = [
    ["as it has no Role", /namespaces\/late\//, 403, role],
    ["as it is not there", /namespaces\/late\//, 404, "or make the namespace"],
    ["for one kind alone", /namespaces\/late\/sendingdomains/, 403, role],
  ];
  test.each(refusals)("%s is left out as a whole, and taken in as a whole later", async (_what, part, code, remedy) => {
    refuse(part, code);
    world = await openStubCluster({ stub, scope, kinds });
    expect(world.clock.now() - Date.parse("2026-11-02T12:00:00Z")).toBeLessThan(30_000);
    expect([isListed("team-shop"), isListed("late")]).toEqual([all(true), all(false)]);
    await world.pass(120_000);
    expect(world.cluster.list("RelayTenant").map(({ metadata }) => metadata.namespace)).toEqual(["team-shop"]);
    expect(said("left out")).toBe(1);
    expect(said(remedy)).toBe(1);
    const seen: boolean[] = [];
    world.cluster.watch(kinds, (key) => {
      if (keyText(key) === keyText(tenantKey("shop", "late"))) seen.push(world.cluster.get(domainKey) !== undefined);
    });
    stub.fault = () => undefined;
    await world.passUntil(() => isListed("late").flat().every(Boolean), 31_000);
    expect(seen).toEqual([true]);
    expect(said("taken in")).toBe(1);
    stub.remove(objectPath(domainKey));
    await world.passUntil(() => world.cluster.get(domainKey) === undefined);
  });

  test("is asked for ever more rarely, one list at a time", async () => {
    refuse(/namespaces\/late\//);
    world = await openStubCluster({ stub, scope, kinds });
    await world.pass(120_000);
    expect(stub.requests.filter(({ path }) => path.includes("/late/")).length).toBeLessThan(12);
  });

  test("does without an optional kind that the server does not know", async () => {
    refuse(/dnsendpoints/, 404);
    world = await openStubCluster({ stub, scope, kinds: [...kinds, "DNSEndpoint"] });
    expect([isListed("late"), world.cluster.isListed("DNSEndpoint", "late")]).toEqual([all(true), false]);
    stub.fault = () => undefined;
    await world.passUntil(() => world.cluster.isListed("DNSEndpoint", "late"));
  });
});

describe("opening is given up", () => {
  const refusals: readonly [what: string, part: RegExp, message: RegExp][] = [
    ["all namespaces of tenants", /relaytenants/, /relaytenants.posthouse.dev in team-shop: not allowed; a Role must/],
    ["the contract namespace", /posthouse-system/, /secrets in posthouse-system: not allowed; a Role must/],
  ];
  test.each(refusals)("when %s are refused", async (_what, part, message) => {
    refuse(part);
    await expect(openStubCluster({ stub, scope, kinds })).rejects.toThrow(message);
  });
});

describe("opening goes on where, before and after it is away, a server refuses for a moment", () => {
  const forbidden = status(403, "Forbidden");
  const answers = [forbidden, ...Array.from({ length: 6 }, () => status(503, "ServiceUnavailable")), forbidden];
  const parts: readonly [what: string, part: RegExp][] = [
    ["all namespaces of tenants", /relaytenants/],
    ["the contract namespace", /posthouse-system/],
  ];
  test.each(parts)("%s", async (_what, part) => {
    const left = new Map<string, StubAnswer[]>();
    stub.fault = ({ path }) => {
      if (!part.test(path)) return undefined;
      if (!left.has(path)) left.set(path, [...answers]);
      return left.get(path)?.shift();
    };
    world = await openStubCluster({ stub, scope, kinds });
    expect([...left.values()].flat()).toEqual([]);
    await world.close();
  });
});
