import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { keyOf, keyText } from "./object.ts";
import type { ConfigMapObject, CustomObject, ObjectKey, SecretObject } from "./object.ts";
import { Refused } from "./port.ts";
import type { Cluster } from "./port.ts";

/** A cluster under test, and the hand of its user. */
export interface TestCluster {
  readonly cluster: Cluster;
  /** Applies a custom resource as its user does; resolves when the user's tool says so, which may be before the cluster sees it. */
  userApplies(object: CustomObject): Promise<void>;
  userDeletes(key: ObjectKey): Promise<void>;
  close(): Promise<void>;
}

const tenant: CustomObject<"RelayTenant"> = {
  apiVersion: "posthouse.dev/v1alpha1",
  kind: "RelayTenant",
  metadata: { name: "shop", namespace: "team-shop" },
  spec: { allowance: { plan: "Pro", credits: { type: "Unlimited" } } },
};
const secret: SecretObject = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "key", namespace: "posthouse-system", labels: { "posthouse.dev/key": "dkim" } },
  type: "Opaque",
  data: { privateKey: "-----BEGIN\nlines: {with} # yaml\n", empty: "", other: "é\u2028" },
};
const record: ConfigMapObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "history", namespace: "posthouse-system" },
  data: { keys: "[]" },
};

/** Milliseconds: a cluster may be another process, on a machine that is busy. */
const patience = 60_000;

/** What every implementation of the cluster port must do, whatever it is made of. */
export function clusterSuite(name: string, open: () => Promise<TestCluster>): void {
  describe(`${name} as a cluster`, { timeout: 2 * patience }, () => {
    let under: TestCluster;
    let cluster: Cluster;
    beforeEach(async () => {
      under = await open();
      cluster = under.cluster;
    }, patience);
    afterEach(() => under.close(), patience);

    const stored = (key: ObjectKey = keyOf(secret)): NonNullable<ReturnType<Cluster["get"]>> => cluster.get(key)!;
    /** The tenant, when the cluster sees it and it is so. */
    const seen = (
      so: (object: CustomObject<"RelayTenant">) => boolean = () => true,
    ): Promise<CustomObject<"RelayTenant">> =>
      vi.waitFor(() => {
        const object = cluster.get({ kind: "RelayTenant", namespace: "team-shop", name: "shop" });
        if (!object || !so(object)) throw new Error(`not yet: ${JSON.stringify(object)}`);
        return object;
      }, patience);

    describe("create", () => {
      test("is visible at once, with an identity", async () => {
        expect(await cluster.create(secret)).toBe("Created");
        expect(stored()).toMatchObject({
          ...secret,
          metadata: {
            uid: expect.stringMatching(/./),
            resourceVersion: expect.stringMatching(/./),
            creationTimestamp: expect.stringMatching(/Z$/),
          },
        });
      });

      test("never overwrites", async () => {
        await cluster.create(secret);
        const before = stored();
        expect(await cluster.create({ ...secret, data: { privateKey: "another" } })).toBe("AlreadyExists");
        expect(stored()).toEqual(before);
      });

      test("of many at once one wins", async () => {
        const results = await Promise.all(Array.from({ length: 8 }, () => cluster.create(secret)));
        expect(results.toSorted()).toEqual([...Array.from({ length: 7 }, () => "AlreadyExists"), "Created"]);
      });

      test("keeps kinds and namespaces apart", async () => {
        const twins = [
          secret,
          { ...secret, metadata: { ...secret.metadata, namespace: "other" } },
          { ...record, metadata: secret.metadata },
        ];
        for (const twin of twins) expect(await cluster.create(twin)).toBe("Created");
      });

      test("refuses a name that is none", async () => {
        for (const bad of ["../up", "UPPER", "", "a_b"]) {
          await expect(cluster.create({ ...secret, metadata: { name: bad, namespace: "a" } })).rejects.toThrow(Refused);
        }
      });
    });

    describe("apply", () => {
      test("creates what is missing", async () => {
        expect(await cluster.apply(record)).toBe("Done");
        expect(stored(keyOf(record))).toMatchObject(record);
      });

      test("writes nothing if nothing differs", async () => {
        await cluster.apply(record);
        const before = stored(keyOf(record));
        const heard = vi.fn<(key: ObjectKey) => void>();
        const stop = cluster.watch(["ConfigMap"], heard);
        heard.mockClear();
        expect(await cluster.apply(record)).toBe("Done");
        expect(stored(keyOf(record))).toEqual(before);
        expect(heard).not.toHaveBeenCalled();
        stop();
      });

      test("takes empty maps for none", async () => {
        const bare = { ...record, metadata: { ...record.metadata, labels: {}, annotations: {} }, data: {} };
        expect(await cluster.create(bare)).toBe("Created");
        const before = stored(keyOf(record));
        expect(before).toMatchObject({ data: {} });
        expect(await cluster.apply(bare)).toBe("Done");
        expect(await cluster.apply({ ...record, data: {} })).toBe("Done");
        expect(stored(keyOf(record))).toEqual(before);
      });

      test("keeps bytes as they are, however many", async () => {
        const data = {
          privateKey: "-----BEGIN\n".repeat(20_000),
          bom: "\ufeffx",
          emoji: "\u{1f4ee}",
          "a.b_c-d": "\r\n\t\0",
        };
        await cluster.apply({ ...secret, data });
        expect(stored()).toMatchObject({ data });
        const { resourceVersion } = stored().metadata;
        expect(await cluster.apply({ ...secret, data })).toBe("Done");
        expect(stored().metadata.resourceVersion).toBe(resourceVersion);
      });

      test("replaces data, labels and annotations, and keeps the identity", async () => {
        await cluster.apply({ ...record, metadata: { ...record.metadata, labels: { a: "1" } } });
        const before = stored(keyOf(record));
        await cluster.apply({
          ...record,
          metadata: { ...record.metadata, annotations: { b: "2" } },
          data: { other: "x" },
        });
        const after = stored(keyOf(record));
        expect(after).toMatchObject({ data: { other: "x" }, metadata: { annotations: { b: "2" } } });
        expect(after).not.toHaveProperty("data.keys");
        expect(after).not.toHaveProperty("metadata.labels");
        expect(after.metadata.uid).toBe(before.metadata.uid);
        expect(after.metadata.creationTimestamp).toBe(before.metadata.creationTimestamp);
        expect(after.metadata.resourceVersion).not.toBe(before.metadata.resourceVersion);
      });

      test("changes only the version that it names", async () => {
        await cluster.create(record);
        const first = stored(keyOf(record));
        const change = (value: string): ConfigMapObject => ({
          ...record,
          metadata: { ...record.metadata, resourceVersion: first.metadata.resourceVersion ?? "" },
          data: { keys: value },
        });
        expect(await cluster.apply(change("[1]"))).toBe("Done");
        expect(await cluster.apply(change("[2]"))).toBe("Conflict");
        expect(stored(keyOf(record))).toMatchObject({ data: { keys: "[1]" } });
      });

      test("of many at once that name one version, one wins", async () => {
        await cluster.create(record);
        const { resourceVersion } = stored(keyOf(record)).metadata;
        const results = await Promise.all(
          ["1", "2", "3"].map((keys) =>
            cluster.apply({
              ...record,
              metadata: { ...record.metadata, resourceVersion: resourceVersion ?? "" },
              data: { keys },
            }),
          ),
        );
        expect(results.toSorted()).toEqual(["Conflict", "Conflict", "Done"]);
      });

      test("names no version of what is gone", async () => {
        const change = { ...record, metadata: { ...record.metadata, resourceVersion: "1" } };
        expect(await cluster.apply(change)).toBe("Conflict");
        expect(cluster.get(keyOf(record))).toBeUndefined();
      });

      test("refuses to change what is immutable, but not its labels", async () => {
        await cluster.create({ ...secret, immutable: true });
        await expect(cluster.apply({ ...secret, immutable: true, data: { privateKey: "x" } })).rejects.toThrow(Refused);
        await expect(cluster.apply(secret)).rejects.toThrow(Refused);
        await cluster.apply({ ...secret, immutable: true, metadata: { ...secret.metadata, labels: { a: "b" } } });
        expect(stored()).toMatchObject({ data: secret.data, immutable: true, metadata: { labels: { a: "b" } } });
      });

      test("refuses to change the type of a Secret", async () => {
        await cluster.create(secret);
        await expect(cluster.apply({ ...secret, type: "servicebinding.io/smtp" })).rejects.toThrow(Refused);
      });
    });

    describe("delete", () => {
      test("deletes that very object, and minds neither another nor none", async () => {
        await cluster.create(secret);
        expect(await cluster.delete(keyOf(secret), "another")).toBe("Conflict");
        const uid = stored().metadata.uid ?? "";
        expect(await cluster.delete(keyOf(secret), uid)).toBe("Done");
        expect(await cluster.delete(keyOf(secret), uid)).toBe("Done");
        expect(cluster.get(keyOf(secret))).toBeUndefined();
        await cluster.create(secret);
        expect(stored().metadata.uid).not.toBe(uid);
      });

      test("deletes no other version than the one that it names", async () => {
        await cluster.create(record);
        const { uid = "", resourceVersion = "" } = stored(keyOf(record)).metadata;
        await cluster.apply({ ...record, data: { keys: "[1]" } });
        expect(await cluster.delete(keyOf(record), uid, resourceVersion)).toBe("Conflict");
        expect(stored(keyOf(record))).toMatchObject({ data: { keys: "[1]" } });
        const after = stored(keyOf(record)).metadata.resourceVersion ?? "";
        expect(await cluster.delete(keyOf(record), "another", after)).toBe("Conflict");
        expect(await cluster.delete(keyOf(record), uid, after)).toBe("Done");
        expect(cluster.get(keyOf(record))).toBeUndefined();
      });

      test("of two at once, one changes and the other sees it", async () => {
        await cluster.create(record);
        const { uid = "", resourceVersion = "" } = stored(keyOf(record)).metadata;
        const changed = { ...record, metadata: { ...record.metadata, resourceVersion }, data: { keys: "[1]" } };
        const results = await Promise.all([
          cluster.apply(changed),
          cluster.delete(keyOf(record), uid, resourceVersion),
        ]);
        expect(results.toSorted()).toEqual(["Conflict", "Done"]);
      });
    });

    describe("custom resources", () => {
      test("appear defaulted, with a generation and a status that says nothing", async () => {
        await under.userApplies(tenant);
        expect(await seen()).toMatchObject({
          metadata: { generation: 1, uid: expect.stringMatching(/./) },
          spec: { sending: "Enabled", environments: [], delivery: { route: "Direct" } },
          status: { observedGeneration: -1 },
        });
      });

      test("have a generation that rises with the spec, not with labels or status", async () => {
        await under.userApplies(tenant);
        const first = await seen();
        await under.userApplies({ ...tenant, metadata: { ...tenant.metadata, labels: { a: "b" } } });
        expect((await seen(({ metadata }) => metadata.labels?.["a"] === "b")).metadata.generation).toBe(1);
        await cluster.applyStatus({ ...first, status: { observedGeneration: 1 } });
        expect((await seen()).metadata.generation).toBe(1);
        await under.userApplies({ ...tenant, spec: { allowance: { plan: "Scale", credits: { type: "Unlimited" } } } });
        const second = await seen(({ metadata }) => metadata.generation === 2);
        expect(second.metadata.uid).toBe(first.metadata.uid);
        expect(second.status).toEqual({ observedGeneration: 1 });
      });

      test("take a status that the schema admits, once", async () => {
        await under.userApplies(tenant);
        const object = await seen();
        const status = { observedGeneration: 1, sending: { state: "Active", reason: "Allowed" } };
        await cluster.applyStatus({ ...object, status });
        const after = await seen(({ status: now }) => JSON.stringify(now).includes("Active"));
        expect(after.status).toEqual(status);
        expect(after.metadata.resourceVersion).not.toBe(object.metadata.resourceVersion);
        await cluster.applyStatus({
          ...object,
          status: { sending: { reason: "Allowed", state: "Active" }, observedGeneration: 1 },
        });
        expect((await seen()).metadata.resourceVersion).toBe(after.metadata.resourceVersion);
        await expect(cluster.applyStatus({ ...object, status: { observedGeneration: "1" } })).rejects.toThrow(Refused);
      });

      test("take no status when they are gone, or others by now", async () => {
        await cluster.applyStatus({ ...tenant, status: { observedGeneration: 1 } });
        await under.userApplies(tenant);
        const object = await seen();
        await cluster.applyStatus({
          ...object,
          metadata: { ...object.metadata, uid: "earlier" },
          status: { observedGeneration: 1 },
        });
        expect((await seen()).status).toEqual({ observedGeneration: -1 });
        await under.userDeletes(keyOf(tenant));
        await vi.waitFor(() => expect(cluster.get(keyOf(tenant))).toBeUndefined(), patience);
      });
    });

    describe("list and watch", () => {
      test("list is in the order of namespace and name", async () => {
        for (const at of ["b/a", "a/b", "a/a", "a-b/a", "a/a-b"]) {
          const [namespace = "", called = ""] = at.split("/");
          await cluster.create({ ...record, metadata: { namespace, name: called } });
        }
        const keys = cluster.list("ConfigMap").map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
        expect(keys).toEqual(["a/a", "a/a-b", "a/b", "a-b/a", "b/a"]);
        expect(cluster.list("Secret")).toEqual([]);
      });

      test("a watcher that throws disturbs neither the write nor another watcher", async () => {
        const heard: string[] = [];
        const stops = [
          cluster.watch(["ConfigMap"], () => {
            throw new Error("a watcher of this test");
          }),
          cluster.watch(["ConfigMap"], (key) => heard.push(keyText(key))),
        ];
        expect(await cluster.create(record)).toBe("Created");
        expect(heard).toEqual(["ConfigMap/posthouse-system/history"]);
        for (const stop of stops) stop();
      });

      test("watch tells of what is there, appears, changes and goes, until it is stopped", async () => {
        await cluster.create(record);
        const heard: string[] = [];
        const stop = cluster.watch(["ConfigMap", "RelayTenant"], (key) => heard.push(keyText(key)));
        const hears = (count: number): Promise<void> => vi.waitFor(() => expect(heard).toHaveLength(count), patience);
        await hears(1);
        await cluster.create(secret);
        await cluster.apply({ ...record, data: { keys: "[1]" } });
        await hears(2);
        await under.userApplies(tenant);
        await hears(3);
        await cluster.delete(keyOf(record), stored(keyOf(record)).metadata.uid ?? "");
        await hears(4);
        stop();
        await cluster.create(record);
        expect(heard).toEqual([
          "ConfigMap/posthouse-system/history",
          "ConfigMap/posthouse-system/history",
          "RelayTenant/team-shop/shop",
          "ConfigMap/posthouse-system/history",
        ]);
      });
    });
  });
}
