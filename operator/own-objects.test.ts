import { expect, test } from "vitest";
import { keyOf, type ClusterObject } from "../cluster/object.ts";
import {
  credentialRecordName,
  domainContractName,
  handOverName,
  keyHistoryName,
  keySecretName,
  tenantContractName,
} from "../contract/names.ts";
import type { Condition } from "../crds/dialect.ts";
import {
  applyContext,
  contractNamespace,
  createLawWorld,
  happen,
  look,
  owners,
  planOf,
  type LawWorld,
} from "../test/harness/law-world.ts";
import { applyAction } from "./apply.ts";
import type { OwnerKey } from "./relations.ts";

const credential = { namespace: "a", tenant: "shop", environment: "production", credential: "web" };
const claim = { namespace: "a", name: "one", domain: "one.example" };

/** An object of the kind and name of one of ours, that somebody else made and that says what ours would say. */
function foreign(kind: "Secret" | "ConfigMap", namespace: string, name: string): ClusterObject {
  const head = { apiVersion: "v1", metadata: { namespace, name } };
  const contract = { version: 1, domain: "one.example", claim, tenant: "shop", keys: [], provenAt: 1 };
  const history = { version: 1, claim, keys: [] };
  const data = { contract: JSON.stringify(contract), history: JSON.stringify(history), password: "mine" };
  return kind === "Secret" ? { ...head, kind, type: "Opaque", data } : { ...head, kind, data };
}

/** A tenant with a credential and a claim, and the DNS that they ask for. */
function furnish(world: LawWorld): void {
  happen(world, {
    kind: "tenant",
    namespace: "a",
    spec: {
      allowance: { plan: "Scale", credits: { type: "Unlimited" }, topUps: [], standing: "Normal" },
      sending: "Enabled",
      environments: [
        {
          name: "production",
          mode: "Deliver",
          credentials: [
            { name: "web", secretName: "web", rotation: { schedule: "Manual", overlap: "24h", oldKeys: "Revoke" } },
          ],
        },
      ],
      revokedKeyIds: [],
      delivery: { route: "Direct", tlsPolicy: "Opportunistic" },
    },
  });
  happen(world, {
    kind: "domain",
    namespace: "a",
    name: "one",
    spec: {
      domain: "one.example",
      tenantRef: { name: "shop" },
      deletionPolicy: "Retain",
      dkim: {
        algorithms: ["RSA2048"],
        selectorPrefix: "s",
        rotation: { schedule: "Manual", overlap: "240h", retention: "720h" },
        revokedSelectors: [],
      },
      spf: { qualifier: "SoftFail" },
      dmarc: { policy: "None", testing: "Disabled" },
    },
  });
  happen(world, { kind: "dns", shown: ["s2026q4", "s2026q4-2", "one", "_dmarc"], lie: "None" });
}

/** Works until nothing is left to do; throws when that never comes. */
async function settle(world: LawWorld): Promise<void> {
  for (let pass = 0; pass < 12; pass++) {
    let actions = 0;
    for (const key of owners) actions += await work(world, key);
    if (actions === 0) return;
  }
  throw new Error("does not settle");
}

/** One pass for one object; how many actions were planned. */
async function work(world: LawWorld, key: OwnerKey): Promise<number> {
  const { actions, status } = planOf(world, key);
  for (const action of actions) if ((await applyAction(action, applyContext(world))) === "Again") break;
  const object = world.cluster.get(key);
  if (actions.length === 0 && object && status !== undefined) await world.cluster.applyStatus({ ...object, status });
  return actions.length;
}

async function live(world: LawWorld): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await settle(world);
    look(world);
    world.now += 1500;
  }
  await settle(world);
}

/** The reasons for which an object is Stalled. */
function stalled(world: LawWorld, kind: "RelayTenant" | "SendingDomain", name: string): string {
  const { status } = world.cluster.get({ kind, namespace: "a", name }) ?? {};
  const { conditions = [] } = (status ?? {}) as { conditions?: readonly Condition[] };
  return conditions.find(({ type }) => type === "Stalled")?.reason ?? "";
}

test.each([
  {
    what: "a tenant's contract",
    there: foreign("Secret", contractNamespace, tenantContractName("a", "shop")),
    tenant: "ContractNotOwned",
  },
  {
    what: "a domain's contract",
    there: foreign("Secret", contractNamespace, domainContractName("one.example")),
    domain: "ContractUnreadable",
  },
  {
    what: "a claim's key history",
    there: foreign("ConfigMap", contractNamespace, keyHistoryName(claim)),
    domain: "HistoryUnreadable",
  },
  // Others of these are free: the next selector and the next serial.
  { what: "a key", there: foreign("Secret", contractNamespace, keySecretName(claim, "s2026q4")) },
  {
    what: "the record of a credential",
    there: foreign("Secret", contractNamespace, credentialRecordName(credential, 1)),
  },
  { what: "an application Secret", there: foreign("Secret", "a", "web"), tenant: "SecretNotOwned" },
  {
    what: "the ConfigMap that hands over",
    there: foreign("ConfigMap", "a", handOverName("one")),
    domain: "ConfigMapNotOwned",
  },
])(
  "what stands in the place of $what and is not ours is never touched",
  async ({ there, tenant = "", domain = "" }) => {
    const world = createLawWorld();
    world.cluster.put(there);
    const before = world.cluster.get(keyOf(there));
    furnish(world);
    await live(world);
    expect([stalled(world, "RelayTenant", "shop"), stalled(world, "SendingDomain", "one")]).toEqual([tenant, domain]);
    expect(world.cluster.get(keyOf(there))).toBe(before);
    happen(world, { kind: "tenant", namespace: "a", spec: undefined });
    happen(world, { kind: "domain", namespace: "a", name: "one", spec: undefined });
    await live(world);
    expect(world.cluster.get(keyOf(there))).toBe(before);
  },
);

test("where nothing stands in the way, everything is made, and nothing is Stalled", async () => {
  const world = createLawWorld();
  furnish(world);
  await live(world);
  expect([stalled(world, "RelayTenant", "shop"), stalled(world, "SendingDomain", "one")]).toEqual(["", ""]);
  expect(world.cluster.list("Secret")).toHaveLength(5);
  expect(world.cluster.list("ConfigMap")).toHaveLength(2);
});
