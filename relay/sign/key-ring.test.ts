import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { ObjectKey, OfKind, SecretObject } from "../../cluster/object.ts";
import type { Cluster } from "../../cluster/port.ts";
import type { ContractKey } from "../../contract/tenant-contract.ts";
import { createKeyRing, KeyUnavailable } from "./key-ring.ts";

const namespace = "posthouse-system";
const ed25519 = generateKeyPairSync("ed25519", {
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
}).privateKey;
const named: ContractKey = { selector: "s", algorithm: "Ed25519", secretName: "dkim-1" };

function keySecret(changes: Partial<SecretObject> = {}, data: Readonly<Record<string, string>> = {}): SecretObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { namespace, name: "dkim-1", labels: { "posthouse.dev/key": "dkim" } },
    type: "Opaque",
    data: { algorithm: "Ed25519", domain: "example.com", selector: "s", privateKey: ed25519, ...data },
    ...changes,
  };
}

/** A cluster of at most one Secret, as far as a key ring looks at it. */
function oneSecret(secret: SecretObject | undefined) {
  let current = secret;
  let onChange: ((key: ObjectKey) => void) | undefined;
  const cluster: Pick<Cluster, "get" | "watch"> = {
    get: <K extends ObjectKey["kind"]>(key: ObjectKey<K>) =>
      (key.name === current?.metadata.name && key.namespace === current.metadata.namespace ? current : undefined) as
        | OfKind<K>
        | undefined,
    watch(_kinds, callback) {
      onChange = callback;
      return () => (onChange = undefined);
    },
  };
  return {
    cluster,
    isWatched: () => onChange !== undefined,
    become(next: SecretObject | undefined) {
      current = next;
      onChange?.({ kind: "Secret", namespace, name: "dkim-1" });
    },
  };
}

describe("a key ring", () => {
  test("parses a key once", () => {
    const ring = createKeyRing(oneSecret(keySecret()).cluster, namespace);
    expect(ring.key(named).asymmetricKeyType).toBe("ed25519");
    expect(ring.key(named)).toBe(ring.key(named));
  });

  test("forgets a key whose Secret goes, and finds another in its place", () => {
    const secrets = oneSecret(keySecret());
    const ring = createKeyRing(secrets.cluster, namespace);
    const before = ring.key(named);
    secrets.become(undefined);
    expect(() => ring.key(named)).toThrow(KeyUnavailable);
    secrets.become(keySecret());
    expect(ring.key(named)).not.toBe(before);
  });

  test("ends its watch when it is closed", () => {
    const secrets = oneSecret(keySecret());
    const ring = createKeyRing(secrets.cluster, namespace);
    expect(secrets.isWatched()).toBe(true);
    ring.close();
    expect(secrets.isWatched()).toBe(false);
  });

  const useless: readonly [what: string, secret: SecretObject | undefined, key: ContractKey, why: RegExp][] = [
    ["is not there", undefined, named, /no such key Secret/],
    [
      "lies in another namespace",
      keySecret({ metadata: { namespace: "shop", name: "dkim-1", labels: { "posthouse.dev/key": "dkim" } } }),
      named,
      /no such key Secret/,
    ],
    ["has no label", keySecret({ metadata: { namespace, name: "dkim-1" } }), named, /no such key Secret/],
    [
      "has another label",
      keySecret({ metadata: { namespace, name: "dkim-1", labels: { "posthouse.dev/key": "tls" } } }),
      named,
      /no such key Secret/,
    ],
    ["has no private key", keySecret({}, { privateKey: "" }), named, /not PKCS#8/],
    ["holds half a key", keySecret({}, { privateKey: ed25519.slice(0, 60) }), named, /cannot be parsed/],
    ["holds a key of another algorithm", keySecret(), { ...named, algorithm: "RSA2048" }, /no RSA2048 key/],
  ];
  test.each(useless)("says why it cannot use a Secret that %s, without showing it", (_what, secret, key, why) => {
    const ring = createKeyRing(oneSecret(secret).cluster, namespace);
    let caught: unknown;
    try {
      ring.key(key);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(KeyUnavailable);
    expect((caught as KeyUnavailable).secretName).toBe("dkim-1");
    expect((caught as KeyUnavailable).message).toMatch(why);
    expect((caught as KeyUnavailable).message).not.toContain(ed25519.split("\n")[1]);
    expect((caught as KeyUnavailable).cause).toBeUndefined();
  });
});
