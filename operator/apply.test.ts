import { expect, test } from "vitest";
import { keyOf, type SecretObject } from "../cluster/object.ts";
import { applyContext, createLawWorld } from "../test/harness/law-world.ts";
import { applyAction } from "./apply.ts";

const secret: SecretObject = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { namespace: "team", name: "web" },
  type: "Opaque",
  data: { password: "seen" },
};

test.each<[string, SecretObject | undefined, string, number]>([
  ["is as it was seen: it goes", secret, "Done", 0],
  ["was altered meanwhile: it stays, and is looked at again", { ...secret, data: { password: "new" } }, "Again", 1],
  ["is gone: nothing is left to do", undefined, "Done", 0],
])("an object to be deleted %s", async (_, now, expected, left) => {
  const world = createLawWorld();
  const key = keyOf(secret);
  world.cluster.put(secret);
  const { uid = "", resourceVersion = "" } = world.cluster.get(key)?.metadata ?? {};
  if (now === undefined) world.cluster.remove(key);
  else if (now !== secret) world.cluster.put(now);
  expect(await applyAction({ kind: "delete", key, uid, resourceVersion }, applyContext(world))).toBe(expected);
  expect(world.cluster.all()).toHaveLength(left);
});

test("an object to be deleted that was replaced by another of its name stays", async () => {
  const world = createLawWorld();
  const key = keyOf(secret);
  world.cluster.put(secret);
  const { uid = "", resourceVersion = "" } = world.cluster.get(key)?.metadata ?? {};
  world.cluster.remove(key);
  world.cluster.put(secret);
  expect(await applyAction({ kind: "delete", key, uid, resourceVersion }, applyContext(world))).toBe("Again");
  expect(world.cluster.all()).toHaveLength(1);
});
