import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createAuthority } from "../../test/harness/control-plane-pki.ts";
import { startStubApiServer } from "../../test/harness/stub-api-server.ts";
import { status, type Fault } from "../../test/harness/stub-faults.ts";
import type { StubRequest } from "../../test/harness/stub-request.ts";
import { openStubCluster, putTenant, tenantKey, type StubCluster } from "../../test/harness/stub-cluster.ts";
import { keyText } from "../object.ts";
import { objectPath } from "./resources.ts";

/*
 * What an API server or the way to it does wrong, and where it is held. In each: what is known converges and nobody asks in a
 * loop (here, on a stub), one operator at most works (electors, on a stub), and mail is delivered meanwhile (processes).
 *
 *   reset in mid-watch, half-closed     here   elector.test, T   T
 *   silent stall                        here   elector.test, T   T
 *   410, and a compaction of etcd       here   T                 W, T
 *   429 with Retry-After                here   refused-writes    W
 *   500                                 here   elector-faults    W
 *   slow list                           here   elector-faults    W
 *   expired token                       here   refused-writes    W
 *   another certificate                 here   elector-faults    W
 *   gone for a minute and back          here   T                 T
 *
 *   W  test/scenarios/mail-goes-on-whatever-the-api-server-answers: a relay, a stub
 *   T  test/scenarios/mail-goes-on-and-one-operator-works-...: two operators and a relay, the real API server behind a TCP proxy
 */
let world: StubCluster;
beforeEach(async () => {
  const stub = await startStubApiServer();
  putTenant(stub, "shop");
  putTenant(stub, "bakery");
  world = await openStubCluster({ stub });
});
afterEach(() => world.close());

const names = (): readonly string[] => world.cluster.list("RelayTenant").map(({ metadata }) => metadata.name);
const planOf = (name: string): unknown =>
  (world.cluster.get(tenantKey(name))?.spec as { allowance: { plan: string } } | undefined)?.allowance.plan;
const last = (verb: StubRequest["verb"]): StubRequest | undefined =>
  world.stub.requests.findLast((request) => request.verb === verb);
const watchedFrom = (): string | null | undefined => last("watch")?.query.get("resourceVersion");
const always =
  (verb: StubRequest["verb"], fault: Fault) =>
  (request: StubRequest): Fault | undefined =>
    request.verb === verb ? fault : undefined;
/** Lets the next `count` requests of a verb fail. */
const next = (count: number, verb: StubRequest["verb"], fault: Fault) => {
  let left = count;
  return (request: StubRequest): Fault | undefined => (request.verb === verb && left-- > 0 ? fault : undefined);
};

describe("a watch", () => {
  test("that is followed asks for bookmarks and an end", () => {
    expect(world.stub.count("list")).toBe(1);
    expect(Object.fromEntries(last("watch")?.query ?? [])).toMatchObject({
      allowWatchBookmarks: "true",
      timeoutSeconds: expect.stringMatching(/^[345]\d\d$/),
      resourceVersion: "102",
    });
  });

  const broken: readonly [what: string, how: "Reset" | "Half" | "End"][] = [
    ["is reset", "Reset"],
    ["is closed by half in mid-stream", "Half"],
    ["ends as it should", "End"],
  ];
  test.each(broken)("that %s goes on where it was, without a list", async (_what, how) => {
    putTenant(world.stub, "shop", "Scale");
    await world.passUntil(() => planOf("shop") === "Scale");
    world.stub.deaf = true;
    putTenant(world.stub, "bakery", "Starter");
    world.stub.remove(objectPath(tenantKey("shop")));
    world.stub.deaf = false;
    world.stub.cut(how);
    await world.passUntil(() => planOf("bakery") === "Starter" && planOf("shop") === undefined);
    expect(world.stub.count("list")).toBe(1);
    expect(world.stub.count("watch")).toBe(2);
    expect(watchedFrom()).toBe("103");
  });

  test("that bookmarks moved on goes on from the last bookmark", async () => {
    world.stub.deaf = true;
    world.stub.put("/apis/posthouse.dev/v1alpha1/namespaces/x/sendingdomains/other", {});
    world.stub.bookmark();
    await world.pass(1000);
    world.stub.compact();
    world.stub.cut("Reset");
    await world.passUntil(() => world.stub.count("watch") === 2);
    expect(watchedFrom()).toBe("103");
    expect(world.stub.count("list")).toBe(1);
  });

  test("that falls silent is taken for deaf after two minutes, not before", async () => {
    world.stub.deaf = true;
    putTenant(world.stub, "shop", "Scale");
    world.stub.deaf = false;
    await world.pass(100_000);
    expect(world.stub.count("watch")).toBe(1);
    expect(world.cluster.age()).toBeGreaterThan(99_000);
    const took = await world.passUntil(() => planOf("shop") === "Scale");
    expect(took).toBeLessThan(30_000);
    expect([world.stub.count("list"), world.stub.count("watch")]).toEqual([1, 2]);
    expect(world.stub.connections()).toBeLessThan(5);
    expect(world.cluster.age()).toBeLessThan(2000);
  });

  test("that bookmarks keep alive is left alone", async () => {
    for (let minute = 0; minute < 5; minute++) {
      await world.pass(60_000);
      world.stub.bookmark();
    }
    await world.pass(1000);
    expect(world.stub.count("watch")).toBe(1);
    expect(world.cluster.age()).toBeLessThan(5000);
  });

  const expired: readonly [what: string, make: () => void][] = [
    ["in an event", () => undefined],
    ["as a status", () => void (world.stub.fault = next(1, "watch", status(410, "Expired")))],
  ];
  test.each(expired)("whose version is too old, %s, leads to a list, and what went is gone", async (_what, make) => {
    const heard: string[] = [];
    world.cluster.watch(["RelayTenant"], (key) => heard.push(keyText(key)));
    heard.length = 0;
    world.stub.deaf = true;
    world.stub.remove(objectPath(tenantKey("shop")));
    putTenant(world.stub, "cafe");
    world.stub.deaf = false;
    world.stub.compact();
    make();
    world.stub.cut("Reset");
    await world.passUntil(() => names().join() === "bakery,cafe");
    expect(heard.toSorted()).toEqual(["RelayTenant/team-shop/cafe", "RelayTenant/team-shop/shop"]);
    await world.passUntil(() => world.stub.watches() === 1);
    expect(world.stub.count("list")).toBe(2);
    expect(world.stub.count("watch")).toBe(3);
  });

  test("that is always too old does not list in a hot loop", async () => {
    world.stub.fault = always("watch", status(410, "Expired"));
    world.stub.cut("Reset");
    await world.pass(120_000);
    expect(world.stub.count("list")).toBeLessThan(12);
    world.stub.fault = () => undefined;
    putTenant(world.stub, "shop", "Scale");
    await world.passUntil(() => planOf("shop") === "Scale" && world.stub.watches() === 1);
  });

  test("that ends at once, over and over, is asked for ever more rarely", async () => {
    world.stub.fault = always("watch", { code: 200, body: "" });
    world.stub.cut("End");
    await world.pass(120_000);
    expect(world.stub.count("watch")).toBeLessThan(12);
    world.stub.fault = () => undefined;
    putTenant(world.stub, "shop", "Scale");
    await world.passUntil(() => planOf("shop") === "Scale");
  });

  test("that is refused for long is listed anew, in case its version is to blame, but not in a hot loop", async () => {
    world.stub.fault = always("watch", status(500, "InternalError"));
    world.stub.cut("Reset");
    await world.pass(120_000);
    expect(world.stub.count("list")).toBeGreaterThan(1);
    expect(world.stub.count("list")).toBeLessThan(12);
  });

  test("that ends is followed by a list when the last one is half a day old, not before", async () => {
    const endsAfter = async (hours: number): Promise<void> => {
      world.clock.jump(hours * 3_600_000);
      const before = world.stub.count("watch");
      world.stub.cut("End");
      await world.passUntil(() => world.stub.count("watch") > before && world.stub.watches() === 1);
    };
    await endsAfter(11);
    expect(world.stub.count("list")).toBe(1);
    await endsAfter(4);
    expect(world.stub.count("list")).toBe(2);
  });

  const garbage: readonly [what: string, line: unknown][] = [
    ["half a line", '{"type":"ADD\n'],
    ["no object", "17\n"],
    ["an event of nothing", { type: "ADDED" }],
    ["an object without a name", { type: "ADDED", object: { metadata: { resourceVersion: "200" } } }],
    ["an error that says nothing", { type: "ERROR" }],
  ];
  test.each(garbage)("that sends %s is opened anew and harms nothing", async (_what, line) => {
    world.stub.send(line);
    await world.passUntil(() => world.stub.count("watch") === 2 && world.stub.watches() === 1);
    putTenant(world.stub, "shop", "Scale");
    await world.passUntil(() => planOf("shop") === "Scale");
    expect(names()).toEqual(["bakery", "shop"]);
  });

  test("of a cluster whose versions went back believes the list again", async () => {
    const metadata = { name: "bakery", namespace: "team-shop", uid: "uid-102", resourceVersion: "900000" };
    world.stub.send({ type: "MODIFIED", object: { metadata } });
    await world.passUntil(() => planOf("bakery") === undefined);
    world.stub.deaf = true;
    world.stub.remove(objectPath(tenantKey("bakery")));
    world.stub.deaf = false;
    world.stub.bookmark();
    await world.passUntil(() => names().join() === "shop");
    putTenant(world.stub, "shop", "Scale");
    await world.passUntil(() => planOf("shop") === "Scale");
    expect(world.stub.count("list")).toBe(2);
  });
});

describe("an API server", () => {
  test("that answers 500 for a minute is asked a few times, and all is well afterwards", async () => {
    world.stub.fault = () => status(500, "InternalError");
    world.stub.cut("Reset");
    const before = world.stub.requests.length;
    await world.pass(60_000);
    expect(world.stub.requests.length - before).toBeLessThan(10);
    expect(world.cluster.isListed("RelayTenant", "team-shop")).toBe(true);
    expect(names()).toEqual(["bakery", "shop"]);
    world.stub.fault = () => undefined;
    putTenant(world.stub, "shop", "Scale");
    expect(await world.passUntil(() => planOf("shop") === "Scale")).toBeLessThan(31_000);
  });

  test("that lets nobody watch for long leaves unknown what is gone by now, though it was listed", async () => {
    const isKnown = () =>
      ["isListed", "isCurrent"].map((name) => world.cluster[name as "isListed"]("RelayTenant", "team-shop"));
    for (let minute = 0; minute < 10; minute++) {
      world.stub.bookmark();
      await world.pass(60_000);
    }
    expect(isKnown()).toEqual([true, true]);
    const tooMany = status(429, "TooManyRequests");
    world.stub.fault = ({ verb }) => (verb === "watch" || verb === "list" ? tooMany : undefined);
    world.stub.cut("Reset");
    await world.pass(180_000);
    expect(isKnown()).toEqual([true, true]);
    await world.pass(120_000);
    expect(isKnown()).toEqual([true, false]);
    world.stub.fault = () => undefined;
    await world.passUntil(() => world.stub.watches() === 1);
    expect(isKnown()).toEqual([true, true]);
  });

  test("that asks for patience gets it", async () => {
    world.stub.fault = next(1, "watch", status(429, "TooManyRequests", { "retry-after": "20" }));
    world.stub.cut("Reset");
    await world.passUntil(() => world.stub.count("watch") === 2);
    expect(await world.passUntil(() => world.stub.count("watch") === 3)).toBeGreaterThan(19_000);
    await world.passUntil(() => world.stub.watches() === 1);
    await world.pass(60_000);
    expect([world.stub.count("list"), world.stub.count("watch")]).toEqual([1, 3]);
  });

  test("that is gone for a minute is found again", async () => {
    world.stub.fault = () => "Reset";
    world.stub.cut("Reset");
    const before = world.stub.requests.length;
    await world.pass(60_000);
    expect(world.stub.requests.length - before).toBeLessThan(10);
    expect(world.cluster.age()).toBeGreaterThan(59_000);
    expect(names()).toEqual(["bakery", "shop"]);
    world.stub.fault = () => undefined;
    await world.passUntil(() => world.stub.watches() === 1, 31_000);
    expect(world.logged.length).toBeLessThan(5);
  });

  test("that never answers a list is asked anew, and what was known stays meanwhile", async () => {
    world.stub.compact();
    world.stub.put(objectPath(tenantKey("cafe")), {});
    world.stub.compact();
    world.stub.fault = next(1, "list", "Hang");
    world.stub.deaf = true;
    world.stub.cut("Reset");
    await world.passUntil(() => world.stub.count("list") === 2);
    expect(names()).toContain("shop");
    expect(await world.passUntil(() => world.stub.count("list") === 3)).toBeGreaterThan(59_000);
    await world.passUntil(() => names().includes("cafe"));
  });

  test("that takes the permission back is no reason to forget, nor to call the list complete", async () => {
    world.stub.fault = (request) => (request.verb === "get" ? undefined : status(403, "Forbidden"));
    world.stub.cut("End");
    await world.passUntil(() => !world.cluster.isListed("RelayTenant", "team-shop"));
    await world.pass(60_000);
    expect(names()).toEqual(["bakery", "shop"]);
    expect(world.stub.requests.length).toBeLessThan(12);
    expect(world.logged.join()).toContain("must grant get, list and watch on relaytenants.posthouse.dev");
    world.stub.remove(objectPath(tenantKey("shop")));
    world.stub.fault = () => undefined;
    await world.passUntil(() => world.cluster.isListed("RelayTenant", "team-shop"));
    expect(names()).toEqual(["bakery"]);
  });

  test("that a proxy answers for is not understood as an empty list", async () => {
    world.stub.compact();
    world.stub.put(objectPath(tenantKey("cafe")), {});
    world.stub.compact();
    const metadata = { resourceVersion: "500" };
    const bodies: readonly unknown[] = [
      "<html>login</html>",
      {},
      { metadata },
      { items: [{}], metadata },
      { items: [] },
    ];
    let asked = 0;
    world.stub.fault = ({ verb }) =>
      verb === "list" && asked < bodies.length ? { code: 200, body: bodies[asked++] } : undefined;
    world.stub.deaf = true;
    world.stub.cut("Reset");
    await world.passUntil(() => names().includes("cafe"));
    expect(asked).toBe(bodies.length);
    expect(names()).toEqual(["bakery", "cafe", "shop"]);
  });
});

describe("a proxy that knows no path", () => {
  const page: Fault = { code: 404, body: "<html>404 page not found</html>" };

  test("is not understood as the end of an object", async () => {
    const { uid = "" } = world.cluster.get(tenantKey("bakery"))?.metadata ?? {};
    world.stub.fault = always("delete", page);
    await expect(world.cluster.delete(tenantKey("bakery"), uid)).rejects.toThrow(/404/);
    expect(names()).toEqual(["bakery", "shop"]);
    world.stub.fault = () => undefined;
    putTenant(world.stub, "bakery", "Scale");
    await world.passUntil(() => planOf("bakery") === "Scale");
    expect(await world.cluster.delete(tenantKey("bakery"), uid)).toBe("Done");
    expect(names()).toEqual(["shop"]);
  });

  test("is not understood as the end of an object whose status is written", async () => {
    world.stub.fault = always("other", page);
    const { namespace, name } = tenantKey("shop");
    const metadata = { namespace, name };
    const tenant = { apiVersion: "posthouse.dev/v1alpha1", kind: "RelayTenant", metadata, spec: {} } as const;
    await expect(world.cluster.applyStatus({ ...tenant, status: { observedGeneration: 1 } })).rejects.toThrow(/404/);
  });
});

describe("a long list", () => {
  test("comes in pages, and at once when a page comes too late", async () => {
    for (let number = 0; number < 600; number++) putTenant(world.stub, `t${number}`);
    world.stub.compact();
    putTenant(world.stub, "late");
    world.stub.compact();
    let late = 0;
    world.stub.fault = ({ query }) => (query.has("continue") && late++ < 1 ? status(410, "Expired") : undefined);
    world.stub.deaf = true;
    world.stub.cut("Reset");
    await world.passUntil(() => names().length === 603);
    const lists = world.stub.requests.filter(({ verb }) => verb === "list").map(({ query }) => query.get("limit"));
    expect(lists).toEqual(["250", "250", "250", null]);
  });

  test("may be slow: each page has its own time, and what changed meanwhile is not lost", async () => {
    for (let number = 0; number < 600; number++) putTenant(world.stub, `t${number}`);
    putTenant(world.stub, "late");
    world.stub.compact();
    world.stub.fault = async ({ verb }) => {
      if (verb === "list") await world.clock.sleep(40_000);
    };
    world.stub.cut("Reset");
    await world.passUntil(() => world.stub.requests.some(({ query }) => query.has("continue")));
    putTenant(world.stub, "shop", "Scale");
    world.stub.remove(objectPath(tenantKey("bakery")));
    const took = await world.passUntil(() => planOf("shop") === "Scale" && planOf("bakery") === undefined);
    expect(took).toBeGreaterThan(70_000);
    expect(names()).toHaveLength(602);
    expect(world.stub.requests.filter(({ verb }) => verb === "list")).toHaveLength(4);
  });
});

describe("credentials", () => {
  test("in a file that is replaced are read again when they are refused", async () => {
    const stub = await startStubApiServer();
    putTenant(stub, "shop");
    const token = join(stub.folder, "token");
    writeFileSync(token, "first");
    let valid = "Bearer first";
    stub.fault = ({ headers }) => (headers.authorization === valid ? undefined : status(401, "Unauthorized"));
    const user = { "auth-provider": { name: "tokenFile", config: { tokenFile: token } } };
    const other = await openStubCluster({ stub, kubeconfig: stub.kubeconfig(user) });
    valid = "Bearer second";
    stub.cut("Reset");
    await other.pass(30_000);
    expect(other.cluster.isListed("RelayTenant", "team-shop")).toBe(false);
    expect(stub.requests.length).toBeLessThan(20);
    writeFileSync(token, "second");
    await other.passUntil(() => other.cluster.isListed("RelayTenant", "team-shop"), 61_000);
    rmSync(token);
    stub.cut("Reset");
    await other.passUntil(() => stub.watches() === 1);
    await other.close();
  });

  test("of an authority that is replaced are read again", async () => {
    const [first, second] = [await createAuthority(), await createAuthority()];
    const server = await first.server(["127.0.0.1"]);
    const stub = await startStubApiServer({ ...server });
    putTenant(stub, "shop");
    const ca = join(stub.folder, "ca.crt");
    writeFileSync(ca, second.ca);
    const opening = openStubCluster({
      stub,
      kubeconfig: stub.kubeconfig({ token: "stub" }, { "certificate-authority": ca }),
    });
    setTimeout(() => writeFileSync(ca, first.ca), 200);
    const other = await opening;
    expect(other.logged.join()).toMatch(/certificate/);
    expect(other.cluster.list("RelayTenant")).toHaveLength(1);
    expect(stub.requests.length).toBeLessThan(5);
    expect(stub.connections()).toBeLessThan(20);
    await other.close();
  });

  test("and a certificate that are replaced while a watch is open cost a few connections, and nothing that is known", async () => {
    const [first, second] = [await createAuthority(), await createAuthority()];
    const stub = await startStubApiServer(await first.server(["127.0.0.1"]));
    putTenant(stub, "shop");
    const ca = join(stub.folder, "ca.crt");
    writeFileSync(ca, first.ca);
    const kubeconfig = stub.kubeconfig({ token: "stub" }, { "certificate-authority": ca });
    const other = await openStubCluster({ stub, kubeconfig });
    putTenant(stub, "bakery");
    await other.passUntil(() => other.cluster.list("RelayTenant").length === 2);
    const [asked, connected] = [stub.requests.length, stub.connections()];
    stub.present(await second.server(["127.0.0.1"]));
    await other.pass(60_000);
    expect([stub.requests.length, stub.watches()]).toEqual([asked, 0]);
    expect(stub.connections() - connected).toBeLessThan(10);
    expect(other.cluster.list("RelayTenant")).toHaveLength(2);
    expect(other.logged.join()).toMatch(/certificate/);
    stub.remove(objectPath(tenantKey("shop")));
    writeFileSync(ca, second.ca);
    await other.passUntil(() => other.cluster.list("RelayTenant").length === 1, 61_000);
    expect(stub.requests.length - asked).toBeLessThan(4);
    expect(stub.connections() - connected).toBeLessThan(15);
    await other.close();
  });
});

describe("a kind that the server may not know", () => {
  test("is waited for until that is known, however late its list comes", async () => {
    const stub = await startStubApiServer();
    let isLate = true;
    stub.fault = async ({ path, verb }) => {
      if (verb !== "list" || !path.endsWith("dnsendpoints")) return undefined;
      await new Promise((resolve) => setTimeout(resolve, 100));
      isLate = false;
      return undefined;
    };
    const other = await openStubCluster({ stub, kinds: ["RelayTenant", "DNSEndpoint"] });
    expect([isLate, other.cluster.isListed("DNSEndpoint", "team-shop")]).toEqual([false, true]);
    await other.close();
  });

  test("is not waited for when the server says that it does not", async () => {
    const stub = await startStubApiServer();
    stub.fault = ({ path }) => (path.endsWith("dnsendpoints") ? { code: 404, body: "404 page not found" } : undefined);
    const other = await openStubCluster({ stub, kinds: ["RelayTenant", "DNSEndpoint"] });
    expect(other.cluster.isListed("DNSEndpoint", "team-shop")).toBe(false);
    await other.close();
  });
});
