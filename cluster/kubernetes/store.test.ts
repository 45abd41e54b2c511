import { beforeEach, describe, expect, test } from "vitest";
import { createCache, type Cache } from "../cache.ts";
import { keyOf } from "../object.ts";
import type { ConfigMapObject } from "../object.ts";
import { sourcesOf, type Source } from "./sources.ts";
import { createStore, type Store } from "./store.ts";
import { isOlder } from "./versions.ts";

const [contract, own] = sourcesOf({ kind: "Cluster" }, "posthouse-system", ["ConfigMap"]) as [Source, Source];
const object = (version: string, uid = "a", namespace = "posthouse-system"): ConfigMapObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "history", namespace, uid, resourceVersion: version },
  data: { version },
});
const labelled = (version: string, ours: boolean): ConfigMapObject => {
  const { metadata, ...rest } = object(version, "a", "team-shop");
  return { ...rest, metadata: { ...metadata, labels: ours ? { "app.kubernetes.io/managed-by": "posthouse" } : {} } };
};

let cache: Cache;
let store: Store;
let told: number;
let now: number;
beforeEach(() => {
  cache = createCache(() => undefined);
  store = createStore(cache, () => now);
  cache.watch(["ConfigMap"], () => (told += 1));
  told = 0;
  now = 0;
});
const version = (): string | undefined => cache.get(keyOf(object("1")))?.metadata.resourceVersion;

describe("an object", () => {
  test("never goes back to what it was before our own write", () => {
    store.put(object("12"));
    store.put(object("9"));
    store.put(object("12"));
    expect([version(), told]).toEqual(["12", 1]);
  });

  test("that we deleted does not rise when a watch is late", () => {
    store.put(object("5"));
    store.gone(keyOf(object("5")), "a");
    store.put(object("6"));
    expect([version(), told]).toEqual([undefined, 2]);
    store.left(contract, object("7"));
    store.put(object("8", "b"));
    expect(version()).toBe("8");
  });

  const tellers: readonly [what: string, tell: () => void][] = [
    ["a watch", () => store.put(object("6"))],
    ["a list", () => store.replace(contract, { objects: [object("5")], resourceVersion: "9" }, false)],
  ];
  test.each(tellers)(
    "that was wrongly taken for deleted rises when %s still tells of it minutes later",
    (_what, tell) => {
      store.put(object("5"));
      store.gone(keyOf(object("5")), "a");
      now = 299_000;
      tell();
      expect(version()).toBeUndefined();
      now = 300_000;
      tell();
      expect(version()).toBeDefined();
    },
  );

  test("is not taken away by the end of an earlier one of its name", () => {
    store.put(object("8", "b"));
    store.left(contract, object("7", "a"));
    store.gone(keyOf(object("7")), "a");
    expect(version()).toBe("8");
  });

  test("that left a selection is gone, unless it is newer or another selection's by now", () => {
    const at = keyOf(labelled("1", true));
    store.put(labelled("5", true));
    store.left(own, labelled("4", true));
    expect(cache.get(at)).toBeDefined();
    store.put(labelled("6", false));
    store.left(own, labelled("6", true));
    expect(cache.get(at)).toBeDefined();
    store.put(labelled("7", true));
    store.left(own, labelled("8", true));
    expect(cache.get(at)).toBeUndefined();
  });
});

describe("a complete list", () => {
  test("removes what it lacks, but not what was made after it", () => {
    store.put(object("5"));
    store.replace(contract, { objects: [], resourceVersion: "4" }, false);
    expect(version()).toBe("5");
    store.replace(contract, { objects: [], resourceVersion: "6" }, false);
    expect(version()).toBeUndefined();
  });

  test("concerns its own selection alone", () => {
    store.put(labelled("5", true));
    store.put(object("5"));
    store.replace(own, { objects: [], resourceVersion: "9" }, false);
    expect(cache.list("ConfigMap")).toEqual([object("5")]);
  });

  test("tells of nothing that it does not change", () => {
    store.put(object("5"));
    store.replace(contract, { objects: [object("5")], resourceVersion: "9" }, false);
    expect(told).toBe(1);
  });

  test("counts as it is when the cluster's versions went back", () => {
    store.put(object("500"));
    store.replace(contract, { objects: [object("5")], resourceVersion: "9" }, true);
    expect(version()).toBe("5");
    store.put(object("600"));
    store.replace(contract, { objects: [], resourceVersion: "9" }, true);
    expect(version()).toBeUndefined();
  });
});

test.each([
  ["9", "10", true],
  ["10", "9", false],
  ["10", "10", false],
  ["99", "100", true],
  ["9007199254740993", "9007199254740994", true],
  [undefined, "1", false],
  ["a", "b", false],
])("version %s is older than %s: %s", (a, b, is) => {
  expect(isOlder(a, b)).toBe(is);
});
