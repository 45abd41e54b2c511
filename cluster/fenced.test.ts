import { expect, test } from "vitest";
import { createMemoryCluster } from "../test/harness/memory-cluster.ts";
import { Fenced, fenced } from "./fenced.ts";
import type { ConfigMapObject, CustomObject } from "./object.ts";

const object: ConfigMapObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace: "a", name: "b" },
  data: { key: "value" },
};
const key = { kind: "ConfigMap", namespace: "a", name: "b" } as const;
const tenant: CustomObject<"RelayTenant"> = {
  apiVersion: "posthouse.dev/v1alpha1",
  kind: "RelayTenant",
  metadata: { namespace: "a", name: "b" },
  spec: {},
};

test("writes go through while they may, reads always", async () => {
  const inner = createMemoryCluster();
  let may = true;
  const cluster = fenced(inner, () => may);
  expect(await cluster.create(object)).toBe("Created");
  may = false;
  const { uid = "" } = cluster.get(key)?.metadata ?? {};
  const writes = [
    () => cluster.create(object),
    () => cluster.apply({ ...object, data: {} }),
    () => cluster.applyStatus(tenant),
    () => cluster.delete(key, uid),
  ];
  for (const write of writes) await expect(write()).rejects.toThrow(Fenced);
  expect(cluster.list("ConfigMap")).toHaveLength(1);
  const seen: string[] = [];
  cluster.watch(["ConfigMap"], ({ name }) => seen.push(name))();
  expect([seen, inner.writes()]).toEqual([["b"], ["create ConfigMap/a/b"]]);
});
