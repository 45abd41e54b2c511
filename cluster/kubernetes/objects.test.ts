import { describe, expect, test } from "vitest";
import type { ClusterObject, Kind } from "../object.ts";
import { hasAll, surplus, toRemove } from "./difference.ts";
import { decodeObject, encodeObject, ownedKeys } from "./objects.ts";

const meta = { name: "x", namespace: "a" };
const sent = { ...meta, uid: "u", resourceVersion: "7", generation: 2, creationTimestamp: "2026-11-02T12:00:00Z" };

describe("an object as the API server sends it", () => {
  const cases: readonly [what: string, kind: Kind, json: object, object: object][] = [
    [
      "a Secret's values are decoded",
      "Secret",
      { metadata: sent, type: "servicebinding.io/smtp", immutable: true, data: { a: "w6k=", empty: "" } },
      {
        kind: "Secret",
        apiVersion: "v1",
        metadata: sent,
        type: "servicebinding.io/smtp",
        immutable: true,
        data: { a: "é", empty: "" },
      },
    ],
    [
      "what is not there is not made up, but for data",
      "ConfigMap",
      { metadata: { ...meta, labels: {}, annotations: null } },
      { kind: "ConfigMap", apiVersion: "v1", metadata: meta, data: {} },
    ],
    [
      "whatever else stands in metadata is left out",
      "RelayTenant",
      {
        metadata: { ...sent, managedFields: [{}], selfLink: "x", finalizers: ["y"], labels: { l: "1" } },
        spec: { s: 1 },
        status: {},
      },
      {
        kind: "RelayTenant",
        apiVersion: "posthouse.dev/v1alpha1",
        metadata: { ...sent, labels: { l: "1" } },
        spec: { s: 1 },
        status: {},
      },
    ],
  ];
  test.each(cases)("%s", (_what, kind, json, object) => {
    expect(decodeObject(kind, json)).toEqual(object);
  });

  test.each([[undefined], [{}], [{ metadata: { name: "x" } }], ["text"]])("%j is none", (json) => {
    expect(() => decodeObject("Secret", json)).toThrow("without a name");
  });
});

test("an object is sent without what the cluster sets, unless it is to be that very one", () => {
  const secret: ClusterObject = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { ...sent, labels: { l: "1" } },
    type: "Opaque",
    data: { a: "é" },
  };
  const body = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { ...meta, labels: { l: "1" } },
    type: "Opaque",
    data: { a: "w6k=" },
  };
  expect(encodeObject(secret)).toEqual(body);
  expect(encodeObject(secret, { uid: "u" })).toEqual({ ...body, metadata: { ...body.metadata, uid: "u" } });
});

const entry = (manager: string, keys: readonly string[], subresource?: string) => ({
  manager,
  ...(subresource !== undefined && { subresource }),
  fieldsV1: { "f:metadata": { "f:labels": { ".": {}, ...Object.fromEntries(keys.map((key) => [`f:${key}`, {}])) } } },
});

test("whose labels are whose is told by the managed fields", () => {
  const managedFields = [
    entry("posthouse", ["a"]),
    entry("posthouse", ["b/c"]),
    entry("kubectl", ["d"]),
    entry("posthouse", ["e"], "status"),
  ];
  const owned = ownedKeys({ metadata: { managedFields } });
  expect(owned).toEqual({ labels: ["a", "b/c"], annotations: [] });
  const extra = { labels: ["b/c", "d"], annotations: ["f"], data: ["g"] };
  expect(toRemove(extra, owned)).toEqual({ labels: ["b/c"], annotations: [], data: ["g"] });
  expect(ownedKeys({})).toEqual({ labels: [], annotations: [] });
});

const map = (labels: Record<string, string>, data: Record<string, string>): ClusterObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { ...meta, labels },
  data,
});

test("an object has all that is wanted, whatever else it has", () => {
  const now = map({ a: "1", b: "2" }, { k: "v", other: "w" });
  expect(hasAll(now, map({ a: "1" }, { k: "v" }))).toBe(true);
  expect(hasAll(now, map({ a: "2" }, { k: "v" }))).toBe(false);
  expect(hasAll(now, map({}, { k: "x" }))).toBe(false);
  expect(hasAll(now, map({ toString: "1" }, {}))).toBe(false);
  expect(surplus(now, map({ a: "1" }, { k: "v" }))).toEqual({ labels: ["b"], annotations: [], data: ["other"] });
});
