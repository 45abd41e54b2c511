import { Writable } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CustomObject, SecretObject } from "../../cluster/object.ts";
import { decodeTenantContract } from "../../contract/codec.ts";
import { annotations, labels, tenantContractName } from "../../contract/names.ts";
import { decodeSmarthostSecret } from "../../contract/smarthost-secret.ts";
import type { ContractSmarthostCredential } from "../../contract/tenant-contract.ts";
import type { RelayTenantSpec, RelayTenantStatus } from "../../crds/relay-tenant.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { createMemoryCluster, type MemoryCluster } from "../../test/harness/memory-cluster.ts";
import { startOperator, type Operator } from "../operator.ts";
import { planGoneTenant } from "./plan.ts";
import { readLogin } from "./smarthost-secret.ts";

const contractNamespace = "posthouse-system";
const password = "correct horse battery staple";
const use = "smarthost";

let cluster: MemoryCluster;
let operator: Operator;
let lines: string[];

beforeEach(() => {
  cluster = createMemoryCluster();
  lines = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  operator = startOperator({
    cluster,
    resolver: { resolve: () => Promise.resolve({ kind: "NXDomain" }) },
    usage: { usage: () => Promise.resolve(new Map()) },
    clock: systemClock,
    log: createLogger({ level: "debug", destination }),
    random: () => 0,
    settings: {
      contractNamespace,
      plans: { Pro: { maxCredits: "Unlimited", namespaces: ["*"] } },
      spfInclude: "_spf.relay.example",
      dns: { activationDelay: 0, checkInterval: 60_000, missingInterval: 60_000, missingIntervalMax: 60_000 },
      submission: { host: "relay.example", port: 587, implicitTls: false },
      orphanGrace: 200,
    },
  });
});
/** Stops the operator, and sees that nothing that it told or wrote for relays holds the password. */
async function stop(): Promise<void> {
  await operator.stop();
  const told = JSON.stringify([lines, cluster.list("RelayTenant"), contractsOf()]);
  for (const form of [password, btoa(password)]) if (told.includes(form)) throw new Error("the password was told");
}
afterEach(stop);

const smarthost = (name: string, referred?: string) => ({
  name,
  priority: 10,
  host: `${name}.example.net`,
  port: 587,
  security: "StartTLS" as const,
  ...(referred !== undefined && { secretRef: { name: referred } }),
});

function tenant(namespace: string, ...smarthosts: ReturnType<typeof smarthost>[]): CustomObject<"RelayTenant"> {
  const spec: RelayTenantSpec = {
    allowance: { plan: "Pro", credits: { type: "Unlimited" }, topUps: [], standing: "Normal" },
    sending: "Enabled",
    environments: [],
    revokedKeyIds: [],
    delivery: { route: "Smarthost", tlsPolicy: "Opportunistic", smarthosts },
  };
  return { apiVersion: "posthouse.dev/v1alpha1", kind: "RelayTenant", metadata: { namespace, name: "shop" }, spec };
}

function secret(data: Record<string, string>, label: string | undefined = use, namespace = "team"): SecretObject {
  const labelled = label === "" ? {} : { labels: { [labels.use]: label } };
  const metadata = { namespace, name: "upstream", ...labelled };
  return { apiVersion: "v1", kind: "Secret", metadata, type: "kubernetes.io/basic-auth", data };
}

const contractsOf = () => cluster.list("Secret").filter(({ metadata }) => metadata.labels?.[labels.contract]);
const copies = () => cluster.list("Secret").filter(({ metadata }) => metadata.labels?.[labels.key] === use);
const login = () =>
  copies().map(({ data }) => {
    const decoded = decodeSmarthostSecret(data);
    return "value" in decoded ? decoded.value.login : decoded.error;
  });
const credentials = (namespace = "team"): readonly (ContractSmarthostCredential | undefined)[] => {
  const place = { kind: "Secret" as const, namespace: contractNamespace, name: tenantContractName(namespace, "shop") };
  const decoded = decodeTenantContract(cluster.get<"Secret">(place)?.data ?? {});
  return "value" in decoded ? decoded.value.delivery.smarthosts.map(({ credential }) => credential) : [];
};
const ready = (): string => {
  const object = cluster.get<"RelayTenant">({ kind: "RelayTenant", namespace: "team", name: "shop" });
  const { conditions = [] } = (object?.status ?? {}) as RelayTenantStatus;
  const at = conditions.find(({ type }) => type === "Ready");
  const more = conditions.map(({ type }) => type).filter((type) => type === "Stalled" || type === "Reconciling");
  return [at?.status, at?.reason, ...more].join(" ");
};
const messages = (): string => {
  const object = cluster.get<"RelayTenant">({ kind: "RelayTenant", namespace: "team", name: "shop" });
  return ((object?.status ?? {}) as RelayTenantStatus).conditions?.[0]?.message ?? "";
};
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5000, interval: 5 });

test("an offered Secret is copied into an immutable one, and the contract names that", async () => {
  cluster.put(secret({ username: "shop", password }));
  cluster.put(tenant("team", smarthost("a", "upstream"), smarthost("b", "upstream"), smarthost("c")));
  await until(() => expect(ready()).toBe("True Reconciled"));
  const [copy] = copies();
  const named = { kind: "Secret", secretName: copy?.metadata.name };
  expect(credentials()).toEqual([named, named, undefined]);
  expect(copies()).toHaveLength(1);
  expect(copy).toMatchObject({ immutable: true, metadata: { namespace: contractNamespace } });
  expect(login()).toEqual([{ username: "shop", password }]);
});

test.each<[string, SecretObject | undefined, string, RegExp]>([
  ["is not there", undefined, "False SecretNotFound Reconciling", /The Secret upstream is not in this namespace\./],
  [
    "has no label",
    secret({ username: "shop", password }, ""),
    "False SecretNotOffered Reconciling",
    /kubectl -n team label secret upstream posthouse\.dev\/use=smarthost/,
  ],
  [
    "is offered for another use",
    secret({ username: "shop", password }, "dkim-import"),
    "False SecretNotOffered Reconciling",
    /label secret upstream/,
  ],
  [
    "has no password",
    secret({ username: "shop", pass: password }),
    "False SmarthostSecretInvalid Stalled",
    /it has no key password, or an empty one\. Give the Secret/,
  ],
  [
    "has a line break at the end of its password",
    secret({ username: "shop", password: `${password}\n` }),
    "False SmarthostSecretInvalid Stalled",
    /its key password holds a line break/,
  ],
])("a Secret that %s: nothing is copied, and mail waits", async (_, given, summary, message) => {
  if (given) cluster.put(given);
  cluster.put(tenant("team", smarthost("a", "upstream"), smarthost("b")));
  await until(() => expect(ready()).toBe(summary));
  expect(messages()).toMatch(message);
  expect(credentials()).toEqual([{ kind: "Withheld", reason: summary.split(" ")[1] }, undefined]);
  expect(copies()).toEqual([]);
});

test("a Secret that arrives, changes, loses its label and is labelled again wakes the tenant", async () => {
  cluster.put(tenant("team", smarthost("a", "upstream")));
  await until(() => expect(ready()).toBe("False SecretNotFound Reconciling"));
  cluster.put(secret({ username: "shop", password }));
  await until(() => expect(ready()).toBe("True Reconciled"));
  const first = credentials();
  cluster.put(secret({ username: "shop", password: "another" }));
  await until(() => expect(login()).toEqual([{ username: "shop", password: "another" }]));
  expect(credentials()).toEqual([{ kind: "Secret", secretName: copies()[0]?.metadata.name }]);
  expect(credentials()).not.toEqual(first);
  cluster.put(secret({ username: "shop", password: "another" }, ""));
  await until(() => expect(ready()).toBe("False SecretNotOffered Reconciling"));
  expect([copies(), credentials()]).toEqual([[], [{ kind: "Withheld", reason: "SecretNotOffered" }]]);
  cluster.put(secret({ username: "shop", password }));
  await until(() => expect(login()).toEqual([{ username: "shop", password }]));
  expect(credentials()).toEqual(first);
});

test("a copy goes when no smarthost needs it, and an hour after the tenant went", async () => {
  cluster.put(secret({ username: "shop", password }));
  cluster.put(tenant("team", smarthost("a", "upstream")));
  await until(() => expect(copies()).toHaveLength(1));
  cluster.put(tenant("team", smarthost("a")));
  await until(() => expect([copies(), credentials()]).toEqual([[], [undefined]]));
  cluster.put(tenant("team", smarthost("a", "upstream")));
  await until(() => expect(copies()).toHaveLength(1));
  cluster.remove({ kind: "RelayTenant", namespace: "team", name: "shop" });
  await until(() => expect([copies(), contractsOf()]).toEqual([[], []]));
  expect(cluster.get({ kind: "Secret", namespace: "team", name: "upstream" })).toBeDefined();
});

test("a copy that somebody deletes or alters is made anew", async () => {
  cluster.put(secret({ username: "shop", password }));
  cluster.put(tenant("team", smarthost("a", "upstream")));
  await until(() => expect(copies()).toHaveLength(1));
  const [copy] = copies();
  if (copy === undefined) throw new Error("no copy");
  cluster.put({ ...copy, data: { ...copy.data, password: "x" } });
  await until(() => expect(login()).toEqual([{ username: "shop", password }]));
  cluster.remove({ kind: "Secret", namespace: contractNamespace, name: copy.metadata.name });
  await until(() => expect(copies().map(({ metadata }) => metadata.name)).toEqual([copy.metadata.name]));
});

test("what is not Posthouse's in the place of a copy, or is another tenant's, is left alone", async () => {
  cluster.put(secret({ username: "shop", password }));
  cluster.put(tenant("team", smarthost("a", "upstream")));
  await until(() => expect(copies()).toHaveLength(1));
  const [copy] = copies();
  if (copy === undefined) throw new Error("no copy");
  const { name } = copy.metadata;
  const foreign = { ...copy, metadata: { namespace: contractNamespace, name }, data: { mine: "yes" } };
  cluster.put(foreign);
  cluster.put(tenant("team", smarthost("a", "upstream"), smarthost("b", "upstream")));
  await until(() => expect(ready()).toBe("False SmarthostCopyNotOwned Stalled"));
  expect(credentials()[0]).toEqual({ kind: "Withheld", reason: "SmarthostCopyNotOwned" });
  expect(cluster.get({ kind: "Secret", namespace: contractNamespace, name })).toMatchObject({ data: { mine: "yes" } });

  const others = { [annotations.owner]: "team/shop" };
  const data = { ...copy.data, namespace: "other" };
  cluster.put({ ...copy, metadata: { ...copy.metadata, name: "smarthost-other", annotations: others }, data });
  cluster.remove({ kind: "RelayTenant", namespace: "team", name: "shop" });
  await until(() => expect(contractsOf()).toEqual([]));
  expect(copies().map(({ metadata }) => metadata.name)).toEqual(["smarthost-other"]);
});

test("of a tenant that is gone contract and copies go at once, and the hour counts for all of them", () => {
  const copy = { uid: "u", resourceVersion: "1" };
  const { actions } = planGoneTenant({
    contractNamespace,
    namespace: "team",
    name: "shop",
    contract: copy,
    copies: [
      { ...copy, objectName: "smarthost-1", state: "Intact" },
      { ...copy, objectName: "smarthost-2", state: "Altered" },
      { ...copy, objectName: "smarthost-3", state: "Foreign" },
    ],
  });
  expect(actions.map((action) => (action.kind === "delete" ? action.key.name : action.kind))).toEqual([
    tenantContractName("team", "shop"),
    "smarthost-1",
    "smarthost-2",
  ]);
});

test("two tenants with the same credentials have a copy each", async () => {
  for (const namespace of ["team", "other"]) {
    cluster.put(secret({ username: "shop", password }, use, namespace));
    cluster.put(tenant(namespace, smarthost("a", "upstream")));
  }
  await until(() => expect(copies()).toHaveLength(2));
  await until(() => expect(credentials("other")[0]?.kind).toBe("Secret"));
  expect(credentials("other")).not.toEqual(credentials("team"));
});

test("a Secret that changes again and again ends in one copy of what it says last", async () => {
  cluster.put(secret({ username: "shop", password }));
  cluster.put(tenant("team", smarthost("a", "upstream")));
  await until(() => expect(copies()).toHaveLength(1));
  for (let i = 0; i < 20; i++) cluster.put(secret({ username: "shop", password: `p${i}` }));
  await until(() => expect(login()).toEqual([{ username: "shop", password: "p19" }]));
  expect(credentials()).toEqual([{ kind: "Secret", secretName: copies()[0]?.metadata.name }]);
});

test.each([
  ["a user name too long", { username: "u".repeat(1025), password: "p" }, "its key username is longer"],
  ["no user name", { password: "p" }, "it has no key username"],
  ["octets that were not UTF-8", { username: "u", password: "p\uFFFD" }, "its key password holds"],
])("%s is unusable, and no value is told", (_, data, why) => {
  expect(readLogin(data)).toEqual({ unusable: expect.stringContaining(why) });
});
