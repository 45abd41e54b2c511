import { createPrivateKey, type KeyObject } from "node:crypto";
import type { Cluster } from "../../cluster/port.ts";
import { decodePrivateKey } from "../../contract/key-secret.ts";
import { labels } from "../../contract/names.ts";
import type { ContractKey } from "../../contract/tenant-contract.ts";

/** A key that the contract names cannot be used now: its Secret is not there (yet), or is not such a key. Temporary. */
export class KeyUnavailable extends Error {
  override readonly name = "KeyUnavailable";
  readonly secretName: string;

  constructor(secretName: string, why: string) {
    super(`the DKIM key in Secret ${secretName} cannot be used: ${why}`);
    this.secretName = secretName;
  }
}

/** Private keys, parsed once. */
export interface KeyRing {
  /** The private half of a key. Throws {@link KeyUnavailable}. */
  key(named: ContractKey): KeyObject;
  /** Stops watching and forgets every key. */
  close(): void;
}

const keyTypes: Readonly<Record<ContractKey["algorithm"], string>> = { RSA2048: "rsa", Ed25519: "ed25519" };

/** A ring over the key Secrets (`posthouse.dev/key: dkim`) of the contract namespace. */
export function createKeyRing(cluster: Pick<Cluster, "get" | "watch">, namespace: string): KeyRing {
  const parsed = new Map<string, KeyObject>();
  const stop = cluster.watch(["Secret"], (changed) => {
    if (changed.namespace === namespace) parsed.delete(changed.name);
  });
  return {
    key({ secretName, algorithm }) {
      let key = parsed.get(secretName);
      if (!key) {
        key = readKey(cluster, namespace, secretName);
        parsed.set(secretName, key);
      }
      if (key.asymmetricKeyType !== keyTypes[algorithm])
        throw new KeyUnavailable(secretName, `it is no ${algorithm} key`);
      return key;
    },
    close() {
      stop();
      parsed.clear();
    },
  };
}

function readKey(cluster: Pick<Cluster, "get" | "watch">, namespace: string, secretName: string): KeyObject {
  const secret = cluster.get({ kind: "Secret", namespace, name: secretName });
  if (secret?.metadata.labels?.[labels.key] !== "dkim")
    throw new KeyUnavailable(secretName, "there is no such key Secret");
  const decoded = decodePrivateKey(secret.data);
  if ("error" in decoded) throw new KeyUnavailable(secretName, decoded.error);
  try {
    return createPrivateKey(decoded.value.privateKey);
  } catch {
    // The parser's own message is dropped: it could quote the key.
    throw new KeyUnavailable(secretName, "its privateKey cannot be parsed");
  }
}
