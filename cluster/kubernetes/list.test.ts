import { afterEach, expect, test } from "vitest";
import { openStubCluster, putTenant, tenantKey, type StubCluster } from "../../test/harness/stub-cluster.ts";

let world: StubCluster;
afterEach(() => world.close());

test("what a write has told is not read once more when the watch tells it", async () => {
  const read: string[] = [];
  world = await openStubCluster({
    keep(object) {
      read.push(object.metadata.name);
      return object;
    },
  });
  const { kind, ...metadata } = tenantKey("shop");
  await world.cluster.create({ apiVersion: "posthouse.dev/v1alpha1", kind, metadata, spec: {} });
  const written = world.cluster.get(tenantKey("shop"));
  // The watch tells of both in their order.
  putTenant(world.stub, "bakery");
  await world.passUntil(() => world.cluster.get(tenantKey("bakery")) !== undefined);
  expect(read).toEqual(["shop", "bakery"]);
  expect(world.cluster.get(tenantKey("shop"))).toBe(written);
});
