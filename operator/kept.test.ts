import { expect, test } from "vitest";
import type { ConfigMapObject, SecretObject } from "../cluster/object.ts";
import { isKept, keptOf } from "./kept.ts";
import { decodeKeyHistory, encodeKeyHistory, type KeyHistory } from "./sending-domain/key-history.ts";

const ours = { "app.kubernetes.io/managed-by": "posthouse" };

function secret(labels: Record<string, string>): SecretObject {
  const metadata = { namespace: "posthouse-system", name: "key", labels };
  return { apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data: { publicKey: "p", privateKey: "secret" } };
}

function configMap(labels: Record<string, string>): ConfigMapObject {
  const metadata = { namespace: "team-shop", name: "shop-dns", labels };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "records.txt": "text", "records.json": "{}" } };
}

test("no private key of ours is kept, and everything beside it", () => {
  const kept = keptOf(secret({ ...ours, "posthouse.dev/key": "dkim" }));
  expect(kept).toEqual({
    ...secret({ ...ours, "posthouse.dev/key": "dkim" }),
    data: { publicKey: "p", privateKey: "" },
  });
});

test.each([
  ["a key that is not ours, such as one to import", secret({ "posthouse.dev/key": "dkim" })],
  ["another Secret of ours", secret(ours)],
  ["a ConfigMap of another, whatever it calls itself", configMap({ "posthouse.dev/record": "hand-over" })],
  ["another ConfigMap of ours", configMap(ours)],
])("%s is kept whole", (_, object) => {
  expect(keptOf(object)).toBe(object);
});

test("of what is handed over it is kept whether it is the same", () => {
  const object = configMap({ ...ours, "posthouse.dev/record": "hand-over" });
  const kept = keptOf(object);
  const data = kept.kind === "ConfigMap" ? kept.data : {};
  expect(JSON.stringify(data)).not.toContain("text");
  for (const standing of [data, object.data]) {
    expect(isKept(standing, object.data)).toBe(true);
    expect(isKept(standing, { ...object.data, "records.txt": "other" })).toBe(false);
    expect(isKept(standing, { "records.txt": "text" })).toBe(false);
    expect(isKept(standing, { ...object.data, more: "" })).toBe(false);
  }
});

test("of a history what it says is kept, without its text", () => {
  const labels = { ...ours, "posthouse.dev/record": "key-history" };
  const history: KeyHistory = {
    version: 1,
    claim: { namespace: "team-shop", name: "shop", domain: "shop.example" },
    keys: [{ selector: "s2026q4", algorithm: "RSA2048", allottedAt: 1 }],
  };
  const object = { ...configMap(labels), data: { ...encodeKeyHistory(history), others: "o" } };
  const kept = keptOf(object);
  const data = kept.kind === "ConfigMap" ? kept.data : {};
  expect(data).toEqual({ history: "", others: "o" });
  expect(decodeKeyHistory(data)).toEqual({ value: history });
});

test("a history that cannot be read is kept whole", () => {
  const { data } = configMap({});
  const object = { ...configMap({ ...ours, "posthouse.dev/record": "key-history" }), data: { ...data, history: "{" } };
  expect(keptOf(object)).toEqual(object);
});
