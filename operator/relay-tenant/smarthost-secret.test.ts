import { expect, test } from "vitest";
import { labels } from "../../contract/names.ts";
import { createMemoryCluster } from "../../test/harness/memory-cluster.ts";
import { copySmarthostSecret } from "./smarthost-secret.ts";

test("credentials that changed since the plan are not copied to the name of those that it saw", async () => {
  const cluster = createMemoryCluster();
  cluster.put({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { namespace: "team", name: "upstream", labels: { [labels.use]: "smarthost" } },
    type: "Opaque",
    data: { username: "shop", password: "hush" },
  });
  const from = { namespace: "team", tenant: "shop", secret: "upstream" };
  expect(await copySmarthostSecret(cluster, { namespace: "contracts", name: "smarthost-seen", from })).toBe(false);
  expect(cluster.writes()).toEqual([]);
});
