import { expect, test } from "vitest";
import { keyOf, keyText, type ClusterObject } from "../cluster/object.ts";
import { annotations, labels } from "../contract/names.ts";
import { createMemoryCluster } from "../test/harness/memory-cluster.ts";
import { createRelations } from "./relations.ts";

/** An object that says of itself that Posthouse made it, for whom, and as what. */
function made(namespace: string, owner: string, label: Readonly<Record<string, string>> = {}): ClusterObject {
  const metadata = {
    namespace,
    name: "thing",
    labels: { [labels.managedBy]: "posthouse", ...label },
    annotations: { [annotations.owner]: owner },
  };
  return { apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data: {} };
}

test.each<[string, ClusterObject, readonly string[]]>([
  ["an application Secret", made("team", "team/shop"), ["RelayTenant/team/shop"]],
  ["a hand-over", made("team", "team/one", { [labels.record]: "hand-over" }), ["SendingDomain/team/one"]],
  ["a contract", made("contracts", "team/shop", { [labels.contract]: "tenant" }), ["RelayTenant/team/shop"]],
  ["a key", made("contracts", "team/one", { [labels.key]: "dkim" }), ["SendingDomain/team/one"]],
  ["what is not Posthouse's", made("team", "team/shop", { [labels.managedBy]: "helm" }), []],
  ["a Secret that names a tenant of another namespace", made("elsewhere", "team/shop"), []],
  ["a Secret that names nobody", made("elsewhere", "shop"), []],
  ["a hand-over of another namespace", made("elsewhere", "team/one", { [labels.record]: "hand-over" }), []],
  ["a contract outside its namespace", made("elsewhere", "team/shop", { [labels.contract]: "tenant" }), []],
])("%s wakes whom it was made for, if its namespace may say so", (_, object, woken) => {
  const cluster = createMemoryCluster();
  const relations = createRelations(cluster, "contracts");
  cluster.put(object);
  expect(relations.changed(keyOf(object)).map(keyText)).toEqual(woken);
});

test("a tenant hears of what was made for its domains, and may wait for more of it", () => {
  const cluster = createMemoryCluster();
  const relations = createRelations(cluster, "contracts");
  const domain: ClusterObject = {
    apiVersion: "posthouse.dev/v1alpha1",
    kind: "SendingDomain",
    metadata: { namespace: "team", name: "one" },
    spec: { domain: "one.example", tenantRef: { name: "shop" }, dkim: {} },
  };
  const key = made("contracts", "team/one", { [labels.key]: "dkim" });
  for (const object of [domain, key]) cluster.put(object);
  const waits = (object: ClusterObject) =>
    relations.changed(keyOf(object)).map((each) => `${keyText(each)} ${each.mayWait === true}`);
  expect(waits(domain)).toEqual(["SendingDomain/team/one false", "RelayTenant/team/shop false"]);
  expect(waits(key)).toEqual(["SendingDomain/team/one false", "RelayTenant/team/shop true"]);
});

test.each([1, 2, 16, 17, 40])("a tenant has its %i domains, whatever comes and goes", (count) => {
  const cluster = createMemoryCluster();
  const relations = createRelations(cluster, "contracts");
  const domains = Array.from({ length: count }, (_, number): ClusterObject => ({
    apiVersion: "posthouse.dev/v1alpha1",
    kind: "SendingDomain",
    metadata: { namespace: "team", name: `d${number}` },
    spec: { domain: `d${number}.example`, tenantRef: { name: "shop" }, dkim: {} },
  }));
  const names = (): readonly string[] => relations.domainsOf("team", "shop").map(({ name }) => name);
  for (const domain of [...domains, ...domains]) {
    cluster.put(domain);
    relations.changed(keyOf(domain));
  }
  expect(names()).toEqual(domains.map(({ metadata }) => metadata.name));
  for (const domain of domains) {
    cluster.remove(keyOf(domain));
    expect(relations.changed(keyOf(domain)).map(keyText)).toContain("RelayTenant/team/shop");
    expect(names()).not.toContain(domain.metadata.name);
  }
  expect(names()).toEqual([]);
});
