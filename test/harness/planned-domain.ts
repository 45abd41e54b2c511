import type { DomainContract } from "../../contract/domain-contract.ts";
import { keySecretName } from "../../contract/names.ts";
import type { Action } from "../../operator/action.ts";
import { dkimValue } from "../../operator/sending-domain/dkim-record.ts";
import {
  foldAnswer,
  noEvidence,
  type DomainEvidence,
  type NameEvidence,
} from "../../operator/sending-domain/evidence.ts";
import { decodeKeyHistory, type KeyEntry } from "../../operator/sending-domain/key-history.ts";
import type { ObservedDomain } from "../../operator/sending-domain/observed.ts";
import type { DomainPlan } from "../../operator/sending-domain/plan.ts";

/** What the tests of a SendingDomain's plan have in common: its keys, what of it stands, and what was seen of it in DNS. */
export const claim = { namespace: "team-shop", name: "example-com", domain: "example.com" };
export const now = Date.parse("2026-11-22T12:00:00Z");
export const hour = 3_600_000;
export const timing = {
  activationDelay: 900_000,
  checkInterval: hour,
  missingInterval: 60_000,
  missingIntervalMax: 900_000,
};

export const rsa = {
  selector: "s2026q4",
  algorithm: "RSA2048" as const,
  publicKey: "AAAA",
  fingerprint: "a".repeat(64),
};
export const ed = {
  selector: "s2026q4-ed",
  algorithm: "Ed25519" as const,
  publicKey: "BBBB",
  fingerprint: "b".repeat(64),
};
export const second = { ...rsa, selector: "s2026q4-2", publicKey: "CCCC", fingerprint: "c".repeat(64) };
export type Key = typeof rsa | typeof ed;

export const entry = (key: Key, more: Partial<KeyEntry> = {}): KeyEntry => {
  const { selector, algorithm, publicKey, fingerprint } = key;
  return { selector, algorithm, allottedAt: 1, key: { publicKey, fingerprint, createdAt: 1 }, ...more };
};
export const active = (key: Key): KeyEntry => entry(key, { activatedAt: 5 });

/** What DNS showed: the right record from `since` on, confirmed at `now`; or nothing, in one check or two. */
export type Seen = { readonly since: number; readonly ttl?: number } | "once missing" | "missing" | "failed";

export function nameEvidence(key: Key, seen: Seen): NameEvidence | undefined {
  const right = { kind: "Records", values: [[dkimValue(key)]], ttl: 0 } as const;
  if (seen === "failed") return foldAnswer(undefined, { kind: "Failed", reason: "timeout" }, now);
  if (seen === "missing") return foldAnswer(foldAnswer(undefined, { kind: "NXDomain" }, 1), { kind: "NXDomain" }, now);
  if (seen === "once missing") return foldAnswer(foldAnswer(undefined, right, 1), { kind: "NXDomain" }, now);
  const answer = { ...right, ttl: seen.ttl ?? 0 };
  return foldAnswer(foldAnswer(undefined, answer, seen.since), answer, now);
}

export function evidenceOf(...seen: readonly (readonly [Key, Seen])[]): DomainEvidence {
  const names = seen.flatMap(([key, what]) => {
    const evidence = nameEvidence(key, what);
    return evidence ? [[`${key.selector}._domainkey.example.com`, evidence] as const] : [];
  });
  return { names: new Map(names), negativeTtl: 0 };
}

export const contract = (more: Partial<DomainContract> = {}): DomainContract => ({
  version: 1,
  domain: "example.com",
  claim: { namespace: "team-shop", name: "example-com" },
  tenant: "shop",
  keys: [],
  provenAt: 7,
  ...more,
});
export const contractKeys = (...keys: readonly Key[]): DomainContract["keys"] =>
  keys.map(({ selector, algorithm }) => ({ selector, algorithm, secretName: keySecretName(claim, selector) }));
export const stored = <T>(value: T) => ({ value, resourceVersion: "9", uid: "u" });

export interface Given {
  readonly entries?: readonly KeyEntry[];
  readonly keys?: readonly Key[];
  readonly hold?: DomainContract;
  readonly evidence?: DomainEvidence;
  readonly more?: Partial<ObservedDomain>;
}

export function observed({ entries, keys = [], hold, evidence = noEvidence, more }: Given): ObservedDomain {
  return {
    claim,
    generation: 1,
    spec: {
      domain: "example.com",
      tenantRef: { name: "shop" },
      deletionPolicy: "Retain",
      dkim: {
        algorithms: ["RSA2048", "Ed25519"],
        selectorPrefix: "s",
        rotation: { schedule: "Manual", overlap: "240h", retention: "720h" },
        revokedSelectors: [],
      },
      spf: { qualifier: "SoftFail" },
      dmarc: { policy: "None", testing: "Disabled" },
    },
    tenantExists: true,
    keys: keys.map(({ selector, algorithm, publicKey, fingerprint }) => ({
      claim,
      selector,
      algorithm,
      publicKey,
      fingerprint,
      createdAt: 1,
      uid: "u",
      resourceVersion: "9",
    })),
    blocked: [],
    formerHolds: [],
    ...(entries && { history: stored({ version: 1 as const, claim, keys: [...entries] }) }),
    ...(hold && { hold: stored(hold) }),
    evidence,
    settings: {
      contractNamespace: "posthouse-system",
      spfInclude: "_spf.relay.example.net",
      timing,
      longestMessageAge: 72 * hour,
    },
    ...more,
  };
}

/** Actions in a word or two: what they write, or which key they make. */
export function actionsOf({ actions }: DomainPlan): readonly string[] {
  return actions.map((action: Action) => {
    if (action.kind === "createKey") return `createKey ${action.selector}`;
    if (action.kind !== "create" && action.kind !== "apply") return action.kind;
    return action.object.kind === "ConfigMap" ? `${action.kind} history` : `${action.kind} hold`;
  });
}

export function historyOf({ actions }: DomainPlan): readonly KeyEntry[] {
  const data = actions.flatMap((action) =>
    "object" in action && action.object.kind === "ConfigMap" ? [action.object.data] : [],
  );
  const decoded = decodeKeyHistory(data[0] ?? {});
  return "value" in decoded ? decoded.value.keys : [];
}

export function heldKeys({ actions }: DomainPlan): readonly string[] | undefined {
  const data = actions.flatMap((action) =>
    "object" in action && action.object.kind === "Secret" ? [action.object.data] : [],
  );
  const held = data[0]?.["contract"];
  return held === undefined ? undefined : (JSON.parse(held) as DomainContract).keys.map(({ selector }) => selector);
}

export const both = [rsa, ed] as const;
export const pending = both.map((key) => entry(key));
export const working = both.map(active);
export const proven = contract({ keys: contractKeys(rsa, ed) });
export const recent = { since: now - 1000 };
export const long = { since: now - 900_000 };
