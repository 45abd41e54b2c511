import { generateKeyPairSync, type KeyObject } from "node:crypto";
import type { ContractKey } from "../../contract/tenant-contract.ts";
import { KeyUnavailable, type KeyRing } from "../../relay/sign/key-ring.ts";

/** An RSA and an Ed25519 key of a domain, with what the DNS would say of them. */
export interface TestKeys {
  readonly domain: string;
  /** RSA2048 first. */
  readonly keys: readonly [ContractKey, ContractKey];
  readonly privateKeys: readonly [KeyObject, KeyObject];
  /** Name of each key's record to its value. */
  readonly records: ReadonlyMap<string, string>;
  readonly keyRing: KeyRing;
  /** A resolver for mailauth that knows these records and nothing else. */
  readonly resolve: (name: string, type: string) => Promise<string[][]>;
}

/** New keys; the RSA one takes a tenth of a second or so. */
export function makeTestKeys(domain: string): TestKeys {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const ed25519 = generateKeyPairSync("ed25519");
  const records = new Map([
    [`t1._domainkey.${domain}`, `v=DKIM1; k=rsa; p=${spki(rsa.publicKey).toString("base64")}`],
    [`t1-ed._domainkey.${domain}`, `v=DKIM1; k=ed25519; p=${spki(ed25519.publicKey).subarray(-32).toString("base64")}`],
  ]);
  const ring = new Map([
    ["rsa", rsa.privateKey],
    ["ed25519", ed25519.privateKey],
  ]);
  return {
    domain,
    keys: [
      { selector: "t1", algorithm: "RSA2048", secretName: "rsa" },
      { selector: "t1-ed", algorithm: "Ed25519", secretName: "ed25519" },
    ],
    privateKeys: [rsa.privateKey, ed25519.privateKey],
    records,
    keyRing: {
      key({ secretName }) {
        const key = ring.get(secretName);
        if (!key) throw new KeyUnavailable(secretName, "there is no such key Secret");
        return key;
      },
      close: () => ring.clear(),
    },
    resolve(name, type) {
      const record = type === "TXT" ? records.get(name) : undefined;
      if (record !== undefined) return Promise.resolve([[record]]);
      return Promise.reject(Object.assign(new Error(`no ${type} of ${name}`), { code: "ENOTFOUND" }));
    },
  };
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}
