import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startStubApiServer } from "../../test/harness/stub-api-server.ts";
import { openStubCluster, type StubCluster } from "../../test/harness/stub-cluster.ts";
import type { SecretObject } from "../object.ts";
import { objectPath } from "./resources.ts";

const key = { kind: "Secret", namespace: "team-shop", name: "mail" } as const;
const ours: SecretObject = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { namespace: "team-shop", name: "mail", labels: { "app.kubernetes.io/managed-by": "posthouse" } },
  type: "Opaque",
  data: { password: "ours" },
};
const hour = 3_600_000;

let world: StubCluster;
beforeEach(async () => {
  const stub = await startStubApiServer();
  world = await openStubCluster({ stub, kinds: ["Secret"] });
});
afterEach(() => world.close());
const names = (): readonly string[] => world.cluster.list("Secret").map(({ metadata }) => metadata.name);
/** Counts changes that are told of; whoever is told may ask. */
const heed = (onChange: () => void): { calls: number } => {
  const heard = { calls: 0 };
  world.cluster.watch(["Secret"], () => {
    heard.calls += 1;
    onChange();
  });
  return heard;
};

describe("another's Secret at our name", () => {
  beforeEach(async () => {
    world.stub.put(objectPath(key), { type: "Opaque", data: { password: "dGhlaXJz" } });
    await world.cluster.create(ours);
  });

  test("is looked at ever more rarely, and by its metadata alone", async () => {
    expect(names()).toEqual(["mail"]);
    const before = world.stub.count("get");
    for (let minute = 0; minute < 60; minute++) {
      world.cluster.get(key);
      await world.pass(60_000, 10_000);
    }
    expect(world.stub.count("get") - before).toBeLessThan(25);
    expect(world.stub.count("get") - before).toBeGreaterThan(11);
    const looks = world.stub.requests.filter(({ verb }) => verb === "get");
    const forms = new Set(looks.map(({ headers }) => headers.accept?.split(";v=")[0]));
    expect([...forms]).toEqual(["application/json;as=PartialObjectMetadata;g=meta.k8s.io"]);
    expect(JSON.stringify(world.cluster.list("Secret"))).not.toMatch(/theirs|dGhl/);
  });

  test("is kept as long as somebody who is asked still cares, and forgotten then", async () => {
    let cares = true;
    world.cluster.get(key);
    const heard = heed(() => {
      if (cares) world.cluster.get(key);
    });
    heard.calls = 0;
    await world.pass(1.5 * hour, 10_000);
    expect([heard.calls, names()]).toEqual([1, ["mail"]]);
    cares = false;
    await world.pass(1.5 * hour, 10_000);
    expect([heard.calls, names()]).toEqual([3, []]);
    const asked = world.stub.count("get");
    await world.pass(hour, 10_000);
    expect(world.stub.count("get")).toBe(asked);
  });

  test("is looked at all the same when the clock was set back", async () => {
    world.cluster.get(key);
    world.clock.jump(-24 * hour);
    world.stub.deaf = true;
    world.stub.remove(objectPath(key));
    await world.pass(10 * 60_000, 10_000);
    expect(names()).toEqual([]);
  });

  test("that became ours is left to the watch", async () => {
    world.stub.put(objectPath(key), { ...ours, data: { password: "b3Vycw==" } });
    await world.passUntil(() => world.cluster.get(key)?.data["password"] === "ours");
    const asked = world.stub.count("get");
    await world.pass(hour, 10_000);
    expect(world.stub.count("get")).toBe(asked);
  });
});

test("what is not there is looked for once, and again only when somebody asks again", async () => {
  expect(world.cluster.get(key)).toBeUndefined();
  await world.pass(10 * 60_000, 10_000);
  expect(world.stub.count("get")).toBe(1);
  world.stub.put(objectPath(key), {});
  expect(world.cluster.get(key)).toBeUndefined();
  await world.passUntil(() => world.cluster.get(key) !== undefined);
  expect(world.stub.count("get")).toBe(2);
});

test("what is made a moment after it was missed is not looked for", async () => {
  expect(world.cluster.get(key)).toBeUndefined();
  expect(await world.cluster.create(ours)).toBe("Created");
  await world.pass(10 * 60_000, 10_000);
  expect(world.stub.count("get")).toBe(0);
});

test("what has our label and came while nobody listened is not taken over by an apply, but seen", async () => {
  world.stub.deaf = true;
  const { labels } = ours.metadata;
  world.stub.put(objectPath(key), { metadata: { labels }, type: "Opaque", data: { password: "dGhlaXJz" } });
  expect(world.cluster.get(key)).toBeUndefined();
  expect(await world.cluster.apply(ours)).toBe("Conflict");
  expect(world.cluster.get(key)?.data).toEqual({ password: "theirs" });
  expect(world.stub.count("other")).toBe(0);
});

test("what ceases to be ours between two looks is another's, and unread", async () => {
  world.stub.deaf = true;
  world.stub.put(objectPath(key), { ...ours, metadata: { labels: ours.metadata.labels } });
  let looks = 0;
  world.stub.fault = ({ verb }) => {
    if (verb === "get" && ++looks === 2) world.stub.put(objectPath(key), { data: { password: "dGhlaXJz" } });
    return undefined;
  };
  expect(await world.cluster.create(ours)).toBe("AlreadyExists");
  expect([looks, world.cluster.get(key)?.data]).toEqual([2, {}]);
  await expect(world.cluster.apply(ours)).rejects.toThrow("not Posthouse's");
});
