import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startApiProxy, type ApiProxy } from "../../test/harness/api-proxy.ts";
import { compactEtcd } from "../../test/harness/compact-etcd.ts";
import type { ControlPlane } from "../../test/harness/control-plane.ts";
import { writeKubeconfig } from "../../test/harness/kubeconfig-file.ts";
import { kubernetesTestbed, type KubernetesTestbed } from "../../test/harness/kubernetes-testbed.ts";
import { createManualClock, type ManualClock } from "../../test/harness/manual-clock.ts";
import { pass, passUntil } from "../../test/harness/passing-time.ts";
import { withControlPlane } from "../../test/harness/with-control-plane.ts";
import { keyOf, keyText } from "../object.ts";
import type { ConfigMapObject, CustomObject, SecretObject } from "../object.ts";
import { Refused } from "../port.ts";
import { clusterSuite } from "../port.suite.ts";
import { objectPath } from "./resources.ts";

const plane = withControlPlane({ crds: true });
const patience = 120_000;

clusterSuite("a Kubernetes API server", () => kubernetesTestbed(plane()));

const managed = { "app.kubernetes.io/managed-by": "posthouse" };
const secretOf = (name: string, labels: Readonly<Record<string, string>> = {}): SecretObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace: "team-shop", labels },
  type: "Opaque",
  data: { password: "open sesame" },
});
const tenant: CustomObject<"RelayTenant"> = {
  apiVersion: "posthouse.dev/v1alpha1",
  kind: "RelayTenant",
  metadata: { name: "shop", namespace: "team-shop" },
  spec: { allowance: { plan: "Pro", credits: { type: "Unlimited" } } },
};
const record: ConfigMapObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "history", namespace: "posthouse-system", labels: managed },
  data: { keys: "[]" },
};

let bed: KubernetesTestbed;
let clock: ManualClock;

const names = (): readonly string[] => bed.cluster.list("Secret").map(({ metadata }) => metadata.name);
const planOf = (): unknown => {
  const { namespace, name } = tenant.metadata;
  const seen = bed.cluster.get<"RelayTenant">({ kind: "RelayTenant", namespace, name });
  return (seen?.spec as { allowance: { plan: string } } | undefined)?.allowance.plan;
};
const change = (plan: string): Promise<void> =>
  bed.userApplies({ ...tenant, spec: { allowance: { plan, credits: { type: "Unlimited" } } } });
/** Requests of Posthouse so far, of whatever kind, in every test. */
const requests = async (): Promise<number> =>
  (await plane().auditEvents()).filter(({ userAgent }) => userAgent === "posthouse").length;
const lists = async (): Promise<number> => (await bed.asked()).filter((line) => line.startsWith("list ")).length;
const grant = async (at: ControlPlane, namespace: string): Promise<void> => {
  const role = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const metadata = { name: "posthouse" };
  const verbs = ["get", "list", "watch"];
  const rules = [
    { apiGroups: [""], resources: ["secrets", "configmaps"], verbs },
    { apiGroups: ["posthouse.dev"], resources: ["relaytenants", "sendingdomains"], verbs },
  ];
  const subjects = [{ kind: "ServiceAccount", name: "operator", namespace: "posthouse-system" }];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "posthouse" };
  await at.ask({ method: "POST", path: `${role}/roles`, body: { metadata, rules } });
  await at.ask({ method: "POST", path: `${role}/rolebindings`, body: { metadata, subjects, roleRef } });
};
const until = (isSo: () => boolean): Promise<number> => passUntil(clock, isSo);

describe("in the namespaces of tenants", { timeout: patience }, () => {
  beforeEach(async () => {
    clock = createManualClock(Date.now());
    bed = await kubernetesTestbed(plane(), { clock });
  }, patience);
  afterEach(() => bed.close(), patience);

  test("only what is ours or offered is read, and all of the contract namespace", async () => {
    await bed.userApplies(secretOf("private"));
    await bed.userApplies(secretOf("ours", managed));
    await bed.userApplies(secretOf("offered", { "posthouse.dev/use": "smarthost" }));
    const inContract = { name: "any", namespace: "posthouse-system" };
    await bed.userApplies({ ...secretOf("any"), metadata: inContract });
    const release = { ...secretOf("helm"), metadata: { ...inContract, name: "sh.helm.release.v1.posthouse.v1" } };
    await bed.userApplies({ ...release, type: "helm.sh/release.v1" });
    await bed.userApplies({ ...record, metadata: { ...record.metadata, name: "last" } });
    await until(() => bed.cluster.list("ConfigMap").length === 1 && names().length === 3);
    expect(names()).toEqual(["any", "offered", "ours"]);
    expect(bed.cluster.get(keyOf(secretOf("offered")))).toMatchObject({ data: { password: "open sesame" } });
  });

  test("another's Secret at our name is seen, unread, until it goes", async () => {
    await bed.userApplies(secretOf("mail"));
    const key = keyOf(secretOf("mail"));
    const heard: string[] = [];
    bed.cluster.watch(["Secret"], (changed) => heard.push(keyText(changed)));
    const ours = secretOf("mail", managed);
    expect(bed.cluster.get(key)).toBeUndefined();
    expect(await bed.cluster.create(ours)).toBe("AlreadyExists");
    expect(bed.cluster.get(key)).toMatchObject({ metadata: { name: "mail" }, data: {} });
    await expect(bed.cluster.apply(ours)).rejects.toThrow(Refused);
    expect(heard).toEqual(["Secret/team-shop/mail"]);
    await pass(clock, 120_000);
    expect(bed.cluster.get(key)).toBeDefined();
    await bed.userDeletes(key);
    await until(() => heard.length === 2);
    expect(bed.cluster.get(key)).toBeUndefined();
    expect(await bed.cluster.create(ours)).toBe("Created");
    expect(bed.cluster.get(key)).toMatchObject({ data: { password: "open sesame" } });
  });

  test("an apply takes nothing that another has just made", async () => {
    await bed.userApplies(secretOf("mail"));
    await expect(bed.cluster.apply(secretOf("mail", managed))).rejects.toThrow(/not Posthouse's/);
    const { body } = await plane().ask({ path: objectPath(keyOf(secretOf("mail"))) });
    expect(body).not.toHaveProperty("metadata.labels");
  });

  test(
    "a Secret that a user names is seen when somebody asks, and read when it is offered",
    { timeout: patience },
    async () => {
      await bed.userApplies(secretOf("upstream"));
      const key = keyOf(secretOf("upstream"));
      expect(bed.cluster.get(key)).toBeUndefined();
      await until(() => bed.cluster.get(key) !== undefined);
      expect(bed.cluster.get(key)).toMatchObject({ data: {} });
      await bed.userApplies(secretOf("upstream", { "posthouse.dev/use": "smarthost" }));
      await until(() => bed.cluster.get<"Secret">({ ...key, kind: "Secret" })?.data["password"] === "open sesame");
      await bed.userApplies(secretOf("upstream"));
      await until(() => bed.cluster.get(key)?.metadata.labels === undefined);
      await until(() => bed.cluster.get(key) !== undefined);
      expect(bed.cluster.get(key)).toMatchObject({ data: {} });
    },
  );
});

describe("a write", { timeout: patience }, () => {
  beforeEach(async () => {
    bed = await kubernetesTestbed(plane());
  }, patience);
  afterEach(() => bed.close(), patience);

  test("leaves alone what others have put on an object, and is none if nothing else differs", async () => {
    await bed.cluster.create(record);
    const metadata = { ...record.metadata, labels: { ...managed, team: "mail" }, annotations: { "backup/at": "noon" } };
    await bed.userApplies({ ...record, metadata }, "velero");
    const seen = (): Readonly<Record<string, string>> | undefined =>
      bed.cluster.get(keyOf(record))?.metadata.annotations;
    await vi.waitFor(() => expect(seen()).toEqual({ "backup/at": "noon" }), patience);
    const writes = async (): Promise<readonly string[]> =>
      (await bed.asked()).filter((line) => !/^(list|get) /.test(line));
    expect(await writes()).toEqual(["create configmaps/history"]);
    expect(await bed.cluster.apply(record)).toBe("Done");
    expect(await writes()).toEqual(["create configmaps/history"]);
    expect(await bed.cluster.apply({ ...record, data: { keys: "[1]" } })).toBe("Done");
    expect(bed.cluster.get(keyOf(record))).toMatchObject({ metadata, data: { keys: "[1]" } });
    expect(await writes()).toEqual(["create configmaps/history", "patch configmaps/history"]);
  });

  test("takes out what others have put into our data", async () => {
    await bed.cluster.create(record);
    await bed.userApplies({ ...record, data: { extra: "x" } }, "somebody");
    await vi.waitFor(() => expect(bed.cluster.get(keyOf(record))).toHaveProperty("data.extra"), patience);
    expect(await bed.cluster.apply(record)).toBe("Done");
    expect(bed.cluster.get<"ConfigMap">({ ...keyOf(record), kind: "ConfigMap" })?.data).toEqual(record.data);
  });

  test("is made in the name of one field manager, the status through its subresource", async () => {
    await bed.userApplies(tenant);
    await vi.waitFor(() => expect(bed.cluster.get(keyOf(tenant))).toBeDefined(), patience);
    await bed.cluster.applyStatus({ ...tenant, status: { observedGeneration: 1 } });
    const { body } = await plane().ask({ path: objectPath(keyOf(tenant)) });
    const { managedFields } = (body as { metadata: { managedFields: { manager: string }[] } }).metadata;
    expect(managedFields.filter(({ manager }) => manager === "posthouse")).toMatchObject([
      { operation: "Apply", subresource: "status" },
    ]);
  });

  test("that deletes what a finalizer holds leaves it to be seen until that is done", async () => {
    await bed.cluster.create(record);
    const path = objectPath(keyOf(record));
    const finalizers = (list: readonly string[] | null) => ({
      method: "PATCH",
      path,
      contentType: "application/merge-patch+json",
      body: { metadata: { finalizers: list } },
    });
    await plane().ask(finalizers(["example.com/hold"]));
    const { uid = "" } = bed.cluster.get(keyOf(record))!.metadata;
    expect(await bed.cluster.delete(keyOf(record), uid)).toBe("Done");
    expect(bed.cluster.get(keyOf(record))).toBeDefined();
    await plane().ask(finalizers(null));
    await vi.waitFor(() => expect(bed.cluster.get(keyOf(record))).toBeUndefined(), patience);
  });

  test("into a namespace that is not there says so", async () => {
    const lost = { ...record, metadata: { ...record.metadata, namespace: "nowhere" } };
    await expect(bed.cluster.create(lost)).rejects.toThrow(/namespaces "nowhere" not found/);
  });
});

describe("a scope of namespaces", { timeout: patience }, () => {
  test("needs a Role in each and sees no other; one without is left out until it has one", async () => {
    const admin = await kubernetesTestbed(plane());
    for (const namespace of ["posthouse-system", "team-shop"]) await grant(plane(), namespace);
    await admin.userApplies(tenant);
    await admin.userApplies({ ...tenant, metadata: { name: "hidden", namespace: "other" } });
    const kubeconfig = await plane().serviceAccountKubeconfig("posthouse-system", "operator");
    const scope = { kind: "Namespaces", namespaces: ["team-shop", "posthouse-system"] } as const;
    const narrow = await kubernetesTestbed(plane(), { kubeconfig, scope });
    expect(narrow.cluster.list("RelayTenant").map(({ metadata }) => metadata.name)).toEqual(["shop"]);
    expect(narrow.cluster.isListed("RelayTenant", "team-shop")).toBe(true);
    expect(narrow.cluster.isListed("RelayTenant", "other")).toBe(false);
    expect(narrow.cluster.age()).toBeLessThan(patience);
    const lost = { kind: "Namespaces", namespaces: ["other"] } as const;
    await expect(kubernetesTestbed(plane(), { kubeconfig, scope: lost, patience: 100 })).rejects.toThrow(
      /relaytenants.posthouse.dev in other: not allowed; a Role must grant get, list and watch/,
    );
    const both = { kind: "Namespaces", namespaces: ["team-shop", "other"] } as const;
    const wide = await kubernetesTestbed(plane(), { kubeconfig, scope: both });
    expect(wide.cluster.list("RelayTenant").map(({ metadata }) => metadata.name)).toEqual(["shop"]);
    await grant(plane(), "other");
    await vi.waitFor(() => expect(wide.cluster.isListed("Secret", "other")).toBe(true), patience);
    expect(wide.cluster.list("RelayTenant").map(({ metadata }) => metadata.name)).toEqual(["hidden", "shop"]);
    await wide.close();
    await narrow.close();
    await admin.close();
  });
});

describe("behind a network that fails", { timeout: patience }, () => {
  let proxy: ApiProxy;
  beforeEach(async () => {
    const { url, ca, authority, folder } = plane();
    clock = createManualClock(Date.now());
    proxy = await startApiProxy(Number(new URL(url).port));
    const admin = await authority.client("tester", ["system:masters"]);
    const server = { url: `https://127.0.0.1:${proxy.port}`, ca };
    const kubeconfig = await writeKubeconfig(join(folder, "proxied.kubeconfig"), server, admin);
    bed = await kubernetesTestbed(plane(), { clock, kubeconfig });
    await bed.userApplies(tenant);
    await until(() => bed.cluster.get(keyOf(tenant)) !== undefined);
  }, patience);
  afterEach(async () => {
    await bed.close();
    await proxy.close();
  }, patience);

  const faults: readonly [what: string, fail: () => void][] = [
    ["is reset in mid-watch", () => proxy.reset()],
    ["closes half of its connections", () => proxy.halfClose()],
    ["passes nothing on and says nothing", () => proxy.stall()],
  ];
  test.each(faults)("that %s, it goes on without a list", async (_what, fail) => {
    const [before, asked, connected] = [await lists(), await requests(), proxy.connections];
    fail();
    await change("Scale");
    await until(() => planOf() === "Scale");
    expect(await lists()).toBe(before);
    expect(await bed.cluster.create(record)).toBe("Created");
    expect((await requests()) - asked).toBeLessThan(30);
    expect(proxy.connections - connected).toBeLessThan(30);
  });

  test(
    "a write to a server that says nothing ends, and the next one goes another way",
    { timeout: patience },
    async () => {
      proxy.stall();
      let outcome: unknown;
      bed.cluster.create(record).then(
        (result) => (outcome = result),
        (error: unknown) => (outcome = error),
      );
      expect(await until(() => outcome !== undefined)).toBeLessThan(31_000);
      expect(String(outcome)).toMatch(/no answer in time|Created/);
      expect(await bed.cluster.create({ ...record, metadata: { ...record.metadata, name: "next" } })).toBe("Created");
    },
  );

  test("an API server that is gone, is compacted and comes back is listed anew", async () => {
    const other = { ...tenant, metadata: { ...tenant.metadata, name: "gone" } };
    await bed.userApplies(other);
    await until(() => bed.cluster.list("RelayTenant").length === 2);
    proxy.refuses = true;
    proxy.reset();
    const [before, listed] = [proxy.connections, await lists()];
    await bed.userDeletes(keyOf(other));
    await change("Scale");
    await plane().apiServer.kill();
    await compactEtcd(plane());
    await pass(clock, 60_000);
    expect(proxy.connections - before).toBeLessThan(100);
    expect(bed.cluster.list("RelayTenant")).toHaveLength(2);
    expect(bed.cluster.isListed("RelayTenant", "team-shop")).toBe(true);
    expect(bed.cluster.age()).toBeGreaterThan(59_000);
    await plane().apiServer.start();
    proxy.refuses = false;
    await until(() => planOf() === "Scale" && bed.cluster.list("RelayTenant").length === 1);
    await until(() => bed.cluster.age() < 60_000);
    expect(await lists()).toBeGreaterThan(listed);
  });
});

describe("credentials that change", { timeout: patience }, () => {
  test("are used within a minute, on new connections", async () => {
    const { ca, url, authority, folder } = plane();
    clock = createManualClock(Date.now());
    const server = { url, ca };
    const file = join(folder, "rotated.kubeconfig");
    await writeKubeconfig(file, server, await authority.client("before", ["system:masters"]));
    bed = await kubernetesTestbed(plane(), { clock, kubeconfig: file });
    const whoAmI = async (): Promise<unknown> => {
      const answer = await bed.api.request({
        method: "POST",
        path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
      });
      return (answer as { status: { userInfo: { username: string } } }).status.userInfo.username;
    };
    expect(await whoAmI()).toBe("before");
    const asked = await requests();
    await writeKubeconfig(file, server, await authority.client("after", ["system:masters"]));
    expect(await whoAmI()).toBe("before");
    await pass(clock, 61_000);
    expect(await whoAmI()).toBe("after");
    writeFileSync(file, "not: [a kubeconfig");
    await pass(clock, 61_000);
    expect(await whoAmI()).toBe("after");
    await bed.userApplies(tenant);
    await until(() => bed.cluster.get(keyOf(tenant)) !== undefined);
    expect((await requests()) - asked).toBeLessThan(20);
    await bed.close();
  });
});
