import { expect, test } from "vitest";
import type { ConfigMapObject } from "../../cluster/object.ts";
import { handOverName } from "../../contract/names.ts";
import type { RecordStatus } from "../../crds/sending-domain.ts";
import { createMemoryCluster } from "../../test/harness/memory-cluster.ts";
import type { Action } from "../action.ts";
import { dropHandOver, handOverActions, observeHandOver } from "./hand-over.ts";

const claim = { namespace: "team-shop", name: "shop", domain: "shop.example" };
const record = (value: string): RecordStatus => ({
  purpose: "SPF",
  type: "TXT",
  fqdn: "shop.example",
  name: "@",
  value,
  verdict: "Missing",
  verdictSince: "2026-11-22T12:00:00Z",
});
const written = (actions: readonly Action[]): ConfigMapObject => {
  const [action] = actions;
  if (action === undefined || !("object" in action) || action.object.kind !== "ConfigMap") throw new Error("none");
  return action.object;
};

test("the ConfigMap is made, kept, changed with the records and deleted with the SendingDomain", async () => {
  const cluster = createMemoryCluster();
  const look = () => observeHandOver(cluster, claim);
  const first = handOverActions(claim, [record("v=spf1 ~all")], look());
  expect(first.map(({ kind }) => kind)).toEqual(["create"]);
  await cluster.create(written(first));
  expect(Object.keys(written(first).data).toSorted()).toEqual(["octodns.yaml", "records.json", "records.tf", "records.txt", "records.zone"]); // prettier-ignore
  expect(handOverActions(claim, [{ ...record("v=spf1 ~all"), verdictSince: "2027-01-01T00:00:00Z" }], look())).toEqual(
    [],
  );
  const members = Object.entries(record("v=spf1 ~all")).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const sorted = Object.fromEntries(members) as RecordStatus;
  expect(handOverActions(claim, [sorted], look()), "as an API server gives it back").toEqual([]);
  const second = handOverActions(claim, [record("v=spf1 -all")], look());
  expect(second.map(({ kind }) => kind)).toEqual(["apply"]);
  await cluster.apply(written(second));
  expect(handOverActions(claim, [record("v=spf1 -all")], look())).toEqual([]);
  const [drop] = dropHandOver(claim, look());
  expect(drop).toMatchObject({ kind: "delete", key: { kind: "ConfigMap", namespace: "team-shop", name: "shop-dns" } });
});

test.each([
  ["without labels", {}, {}],
  [
    "of another SendingDomain",
    { "app.kubernetes.io/managed-by": "posthouse", "posthouse.dev/record": "hand-over" },
    { "posthouse.dev/owner": "team-shop/other" },
  ],
  [
    "of another purpose",
    { "app.kubernetes.io/managed-by": "posthouse", "posthouse.dev/record": "key-history" },
    { "posthouse.dev/owner": "team-shop/shop" },
  ],
])("a ConfigMap %s is left alone", async (_, labels, annotations) => {
  const cluster = createMemoryCluster();
  const metadata = { namespace: "team-shop", name: "shop-dns", labels, annotations };
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { theirs: "x" } });
  const standing = observeHandOver(cluster, claim);
  expect(standing).toEqual({ kind: "Foreign" });
  expect(handOverActions(claim, [record("v=spf1 ~all")], standing)).toEqual([]);
  expect(dropHandOver(claim, standing)).toEqual([]);
});

test("the longest names give names of objects, and different ones", () => {
  const names = [`${"a".repeat(199)}.${"b".repeat(53)}`, `${"a".repeat(199)}.${"b".repeat(52)}c`].map(handOverName);
  for (const name of names)
    expect(name).toMatch(/^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
  expect(names[0]).not.toBe(names[1]);
});
