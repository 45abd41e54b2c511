import { pino } from "pino";
import { expect, test } from "vitest";
import { systemClock } from "../../runtime/clock.ts";
import { startStubApiServer } from "../../test/harness/stub-api-server.ts";
import { openStubCluster } from "../../test/harness/stub-cluster.ts";
import { status } from "../../test/harness/stub-faults.ts";
import type { ConfigMapObject, CustomObject } from "../object.ts";
import { openApi, type Api } from "./api.ts";
import { Fenced, fenced } from "./fenced.ts";
import { openKubernetes } from "./kubernetes.ts";
import { objectPath } from "./resources.ts";

const key = { kind: "ConfigMap", namespace: "posthouse-system", name: "b" } as const;
const object: ConfigMapObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace: key.namespace, name: key.name },
  data: { key: "value" },
};
const tenant: CustomObject<"RelayTenant"> = {
  apiVersion: "posthouse.dev/v1alpha1",
  kind: "RelayTenant",
  metadata: { namespace: "team-shop", name: "shop" },
  spec: {},
  status: { observedGeneration: 1 },
};
const tenantPath = objectPath({ kind: "RelayTenant", namespace: "team-shop", name: "shop" });

test("reads always go through, writes while they may, each request of a write anew", async () => {
  const stub = await startStubApiServer();
  stub.put(objectPath(key), { data: { key: "value", more: "value" } });
  stub.put(tenantPath, {});
  const world = await openStubCluster({ stub });
  let may = false;
  const sent: string[] = [];
  const counted: Api = {
    ...world.api,
    request(request) {
      if (request.method !== "GET") sent.push(request.method);
      return world.api.request(request);
    },
  };
  const cluster = await openKubernetes({
    api: fenced(counted, () => may),
    clock: world.clock,
    log: world.log,
    random: () => 0,
    scope: { kind: "Cluster" },
    contractNamespace: key.namespace,
    kinds: ["RelayTenant", "ConfigMap"],
  });
  const { uid = "" } = cluster.get(key)?.metadata ?? {};
  const other = { ...object, metadata: { ...object.metadata, name: "other" } };
  const writes = [
    () => cluster.create(other),
    () => cluster.apply(other),
    () => cluster.apply({ ...object, data: {} }),
    () => cluster.applyStatus(tenant),
    () => cluster.delete(key, uid),
  ];
  for (const write of writes) await expect(write()).rejects.toThrow(Fenced);
  expect(sent).toEqual([]);
  may = true;
  expect(await cluster.create(other)).toBe("Created");
  // One write may take several requests: each is asked anew.
  const api = fenced(counted, () => may);
  may = false;
  await expect(api.request({ method: "PATCH", path: objectPath(key) })).rejects.toThrow(Fenced);
  expect(sent).toEqual(["POST"]);
  await cluster.close();
  await world.close();
});

test("a write that the server asked patience for is not sent again by who may not write any more", async () => {
  const world = await openStubCluster();
  const { stub } = world;
  let may = true;
  stub.fault = ({ verb }) => (verb === "create" ? status(429, "TooManyRequests", { "retry-after": "3" }) : undefined);
  const path = "/api/v1/namespaces/posthouse-system/configmaps";
  const written = fenced(world.api, () => may).request({ method: "POST", path, body: {} });
  const failure = written.catch((error: unknown) => error);
  await world.passUntil(() => stub.count("create") === 1);
  may = false;
  await world.pass(10_000);
  expect(stub.count("create")).toBe(1);
  expect(String(await failure)).toContain("another process may lead by now");
  await world.close();
});

test("a write that waits for a connection is not sent by who may not write any more when there is one", async () => {
  const stub = await startStubApiServer();
  const api = await openApi({ kubeconfig: stub.kubeconfig(), clock: systemClock, log: pino({ level: "silent" }) });
  let may = true;
  const path = "/api/v1/namespaces/posthouse-system/configmaps";
  const written = fenced(api, () => may).request({ method: "POST", path, body: {} });
  // All that needs no answer of anybody has been done; the connection is not there before the next turn.
  for (let step = 0; step < 100; step++) await Promise.resolve();
  may = false;
  await expect(written).rejects.toThrow("another process may lead by now");
  expect(stub.requests).toEqual([]);
  may = true;
  await fenced(api, () => may).request({ method: "POST", path, body: { metadata: { name: "b" } } });
  expect(stub.count("create")).toBe(1);
  await api.close();
  await stub.close();
});
