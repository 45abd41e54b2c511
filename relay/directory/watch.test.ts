import { afterEach, expect, test } from "vitest";
import type { SecretObject } from "../../cluster/object.ts";
import { encodeDomainContract, encodeTenantContract } from "../../contract/codec.ts";
import { labels } from "../../contract/names.ts";
import { encodeSmarthostSecret } from "../../contract/smarthost-secret.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { createMemoryCluster, type MemoryCluster } from "../../test/harness/memory-cluster.ts";
import { domains, shop } from "../../test/harness/submission.ts";
import { deliveryOf } from "../directory.ts";
import { type DirectoryWatch, watchDirectory } from "./watch.ts";

function secret(name: string, kind: string | undefined, data: SecretObject["data"]): SecretObject {
  const labelled = { [labels.managedBy]: "posthouse", ...(kind !== undefined && { [labels.contract]: kind }) };
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: { name, namespace: "posthouse-system", labels: labelled },
    data,
  };
}

const tenant = secret("tenant-shop", "tenant", encodeTenantContract(shop));
const domain = secret("domain-shop", "domain", encodeDomainContract(domains[0]!));

let watch: DirectoryWatch | undefined;
afterEach(() => watch?.stop());

function start(world: MemoryCluster, onChange = (): void => undefined): DirectoryWatch {
  const lines: string[] = [];
  watch = watchDirectory({
    cluster: world,
    contractNamespace: "posthouse-system",
    clock: systemClock,
    log: createLogger({ level: "error", destination: { write: (line) => void lines.push(line) } }),
    onChange,
  });
  return watch;
}

test("what is there counts at once, also what does not concern it", () => {
  const world = createMemoryCluster();
  world.put(tenant);
  world.put(domain);
  world.put(secret("dkim-key", undefined, { privateKey: "x" }));
  world.put({ ...tenant, metadata: { ...tenant.metadata, name: "elsewhere", namespace: "team-shop" } });
  const { current } = start(world);
  expect(current().login("production00")?.tenantKey).toBe("team-shop/shop");
  expect(current().domain("shop.example")?.tenant).toBe("shop");
  expect(current().tenant("team-shop/shop")?.name).toBe("shop");
});

test("what comes, changes and goes makes another directory; the old one stays as it was", async () => {
  const world = createMemoryCluster();
  const { current } = start(world);
  const empty = current();
  world.put(tenant);
  world.put(domain);
  await expect.poll(() => current().login("production00")?.credential.id).toBe("production00");
  expect(empty.login("production00")).toBeUndefined();
  world.put({ ...tenant, data: encodeTenantContract({ ...shop, environments: [] }) });
  await expect.poll(() => current().login("production00")).toBeUndefined();
  world.remove({ kind: "Secret", namespace: "posthouse-system", name: "domain-shop" });
  await expect.poll(() => current().domain("shop.example")).toBeUndefined();
});

test("many changes at once make one directory", async () => {
  const world = createMemoryCluster();
  let built = 0;
  const { current } = start(world, () => void built++);
  for (let i = 0; i < 50; i++)
    world.put({
      ...domain,
      metadata: { ...domain.metadata, name: `domain-${i}` },
      data: encodeDomainContract({ ...domains[0]!, domain: `d${i}.example` }),
    });
  await expect.poll(() => current().domain("d49.example")).toBeDefined();
  expect(built).toBe(2);
});

test.each([
  ["tenant", { contract: "{}" }],
  ["tenant", { contract: "no json" }],
  ["tenant", {}],
  ["other", tenant.data],
])("a contract labelled %s with %j keeps its last good one, and holds up no other", async (kind, data) => {
  const world = createMemoryCluster();
  world.put(tenant);
  const { current } = start(world);
  world.put(secret("tenant-shop", kind, data));
  world.put(domain);
  await expect.poll(() => current().domain("shop.example")).toBeDefined();
  expect(current().login("production00")).toBeDefined();
});

test("a contract that is Posthouse's no more is in force no more: nobody would revoke anything in it", async () => {
  const world = createMemoryCluster();
  world.put(tenant);
  const { current } = start(world);
  expect(current().login("production00")).toBeDefined();
  world.put({ ...tenant, metadata: { ...tenant.metadata, labels: { [labels.contract]: "tenant" } } });
  await expect.poll(() => current().login("production00")).toBeUndefined();
});

const login = { username: "shop", password: "hush" };
const credentials = (namespace: string, name = "smarthost-1"): SecretObject => ({
  ...secret(
    name,
    undefined,
    encodeSmarthostSecret({ source: { namespace, tenant: shop.name, secret: "s", uid: "u" }, login }),
  ),
  metadata: {
    name,
    namespace: "posthouse-system",
    labels: { [labels.managedBy]: "posthouse", [labels.key]: "smarthost" },
  },
});

test("credentials for smarthosts come and go with their Secret, and are nobody else's", async () => {
  const world = createMemoryCluster();
  const credential = { kind: "Secret", secretName: "smarthost-1" } as const;
  const upstream = { name: "a", priority: 1, host: "a.example", port: 587, security: "StartTLS", credential } as const;
  const tenantWith = { ...shop, delivery: { ...shop.delivery, smarthosts: [upstream] } };
  const withheld = { kind: "Withheld", reason: "SecretNotCopied" };
  const { current } = start(world);
  const seen = () => deliveryOf(current(), tenantWith).smarthosts[0]?.credential;
  expect(seen()).toEqual(withheld);
  world.put(credentials(shop.namespace));
  await expect.poll(seen).toEqual(credential);
  expect(current().smarthostSecret("smarthost-1")?.login).toEqual(login);
  world.put({ ...credentials(shop.namespace), data: { username: "shop" } });
  world.put(credentials("other", "smarthost-2"));
  await expect.poll(() => current().smarthostSecret("smarthost-2")).toBeDefined();
  expect(seen()).toEqual(credential);
  const stolen = { ...upstream, credential: { kind: "Secret", secretName: "smarthost-2" } as const };
  const thief = { ...shop, delivery: { ...shop.delivery, smarthosts: [stolen] } };
  expect(deliveryOf(current(), thief).smarthosts[0]?.credential).toEqual(withheld);
  world.remove({ kind: "Secret", namespace: "posthouse-system", name: "smarthost-1" });
  await expect.poll(seen).toEqual(withheld);
});
