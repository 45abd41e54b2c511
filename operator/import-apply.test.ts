import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { keySecretName } from "../contract/names.ts";
import { createManualClock } from "../test/harness/manual-clock.ts";
import { createMemoryCluster, type MemoryCluster } from "../test/harness/memory-cluster.ts";
import { applyAction, type Applied } from "./apply.ts";
import { importDataKey, readImportKey } from "./import-key.ts";

const claim = { namespace: "team-shop", name: "example-com", domain: "example.com" };
const place = { kind: "Secret", namespace: "p", name: keySecretName(claim, "legacy") } as const;
const pem = (): string =>
  generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs1", format: "pem" });
const mine = pem();
const read = readImportKey({ [importDataKey]: mine });
const fingerprint = "key" in read ? read.key.fingerprint : "";

function offer(cluster: MemoryCluster, text: string, use = "dkim-import"): void {
  const metadata = { namespace: claim.namespace, name: "old-key", labels: { "posthouse.dev/use": use } };
  cluster.put({ apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data: { [importDataKey]: text } });
}

function importInto(cluster: MemoryCluster): Promise<Applied> {
  const copy = { selector: "legacy", algorithm: "RSA2048" as const, fingerprint, secretName: "old-key" };
  return applyAction(
    { kind: "importKey", namespace: "p", claim, copy },
    {
      cluster,
      clock: createManualClock(0),
      submission: { host: "relay.example.net", port: 587, implicitTls: false },
      makeKeyPair: () => Promise.reject(new Error("nothing is made")),
      unanswered: new Set(),
    },
  );
}

test("the key is copied into an immutable Secret that says where it came from", async () => {
  const cluster = createMemoryCluster();
  offer(cluster, mine);
  expect(await importInto(cluster)).toBe("Done");
  const copy = cluster.get(place);
  expect(copy).toMatchObject({ immutable: true, data: { origin: "Imported", fingerprint, selector: "legacy" } });
  expect(copy?.data["privateKey"]).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  expect(await importInto(cluster)).toBe("Again");
  expect(cluster.get(place)).toEqual(copy);
});

test.each<[string, (cluster: MemoryCluster) => void]>([
  ["is gone", () => undefined],
  ["is offered no more", (cluster) => offer(cluster, mine, "smarthost")],
  ["holds another key", (cluster) => offer(cluster, pem())],
  ["holds nonsense", (cluster) => offer(cluster, "hush")],
])("nothing is copied when the Secret %s by then", async (_, change) => {
  const cluster = createMemoryCluster();
  change(cluster);
  expect(await importInto(cluster)).toBe("Again");
  expect(cluster.get(place)).toBeUndefined();
});
