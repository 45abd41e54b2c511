import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { startLineProcess } from "./line-process.ts";
import { isRunning } from "./process-state.ts";
import { until } from "./until.ts";
import { withControlPlane } from "./with-control-plane.ts";

/** In ms: a loaded machine takes its time. */
const patience = 120_000;
const controlPlane = withControlPlane({ crds: true });

const configMap = (name: string, metadata: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...metadata },
});

/** Whether a GET of this path finds nothing. */
async function isGone(path: string): Promise<true | undefined> {
  return (await controlPlane().ask({ path })).code === 404 || undefined;
}

describe("a control plane for tests", { timeout: patience }, () => {
  test("is the real one, and serves Posthouse's kinds to its tools", async () => {
    const { run, ask } = controlPlane();
    expect((await ask({ path: "/version" })).body).toMatchObject({ gitVersion: expect.stringMatching(/^v1\.\d+\./) });
    const kinds = await run("kubectl", ["api-resources", "--categories=posthouse", "--output=name"]);
    expect(kinds.stdout.trim().split("\n").toSorted()).toEqual([
      "relaytenants.posthouse.dev",
      "sendingdomains.posthouse.dev",
    ]);
    expect(await run("helm", ["list", "--all-namespaces", "--short"])).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("keeps the fields of two appliers apart, and tells of a conflict", async () => {
    const { ask, namespace } = controlPlane();
    const path = `/api/v1/namespaces/${await namespace()}/configmaps/shared`;
    const apply = (fieldManager: string, data: object) =>
      ask({
        method: "PATCH",
        path,
        query: { fieldManager },
        contentType: "application/apply-patch+yaml",
        body: { ...configMap("shared"), data },
      });
    expect(await apply("one", { a: "1" })).toMatchObject({ code: 201 });
    expect(await apply("two", { b: "2" })).toMatchObject({ code: 200, body: { data: { a: "1", b: "2" } } });
    expect(await apply("two", { a: "2" })).toMatchObject({ code: 409, body: { reason: "Conflict" } });
    expect(await apply("one", {})).toMatchObject({ code: 200, body: { data: { b: "2" } } });
  });

  test("collects what an owner leaves, a custom resource too", async () => {
    const { ask, namespace } = controlPlane();
    const ns = await namespace();
    const domains = `/apis/posthouse.dev/v1alpha1/namespaces/${ns}/sendingdomains`;
    const spec = { domain: "example.com", tenantRef: { name: "shop" } };
    const body = { apiVersion: "posthouse.dev/v1alpha1", kind: "SendingDomain", metadata: { name: "a" }, spec };
    const made = (await ask({ method: "POST", path: domains, body })).body as { metadata: { uid: string } };
    const owner = { apiVersion: body.apiVersion, kind: body.kind, name: "a", uid: made.metadata.uid };
    const maps = `/api/v1/namespaces/${ns}/configmaps`;
    expect(
      await ask({ method: "POST", path: maps, body: configMap("owned", { ownerReferences: [owner] }) }),
    ).toMatchObject({ code: 201 });
    expect(await ask({ method: "DELETE", path: `${domains}/a` })).toMatchObject({ code: 200 });
    await until("the owned ConfigMap is collected", () => isGone(`${maps}/owned`), patience);
  });

  test("ends a namespace with all that is in it", async () => {
    const { ask, namespace } = controlPlane();
    const path = `/api/v1/namespaces/${await namespace()}`;
    await ask({ method: "POST", path: `${path}/configmaps`, body: configMap("inside") });
    await ask({ method: "DELETE", path });
    await until("the namespace is gone", () => isGone(path), patience);
    expect((await ask({ path: `${path}/configmaps/inside` })).code).toBe(404);
  });

  test("makes pods of a Deployment", async () => {
    const { ask, namespace } = controlPlane();
    const ns = await namespace();
    const template = { metadata: { labels: { app: "a" } }, spec: { containers: [{ name: "a", image: "a" }] } };
    const body = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "a" },
      spec: { replicas: 2, selector: { matchLabels: { app: "a" } }, template },
    };
    expect(await ask({ method: "POST", path: `/apis/apps/v1/namespaces/${ns}/deployments`, body })).toMatchObject({
      code: 201,
    });
    const both = async (): Promise<true | undefined> => {
      const pods = (await ask({ path: `/api/v1/namespaces/${ns}/pods` })).body as { items: unknown[] };
      return pods.items.length === 2 || undefined;
    };
    await until("two pods", both, patience);
  });

  test("gives a ServiceAccount and a user no more than their roles", async () => {
    const { run, namespace, serviceAccountKubeconfig, userKubeconfig } = controlPlane();
    const ns = await namespace();
    const robot = await serviceAccountKubeconfig(ns, "robot");
    const list = ["get", "secrets", "--namespace", ns];
    expect(await run("kubectl", list, "", robot)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/forbidden/i),
    });
    await run("kubectl", [
      "create",
      "rolebinding",
      "r",
      "--clusterrole=view",
      `--serviceaccount=${ns}:robot`,
      "-n",
      ns,
    ]);
    const configMaps = ["get", "configmaps", "--namespace", ns, "--output=name"];
    const seen = async (): Promise<true | undefined> =>
      (await run("kubectl", configMaps, "", robot)).stdout.includes("kube-root-ca.crt") || undefined;
    await until("the role counts", seen, patience);
    expect(await run("kubectl", list, "", robot)).toMatchObject({ code: 1 });
    const ann = await userKubeconfig("ann", ["crew"]);
    expect((await run("kubectl", ["auth", "whoami"], "", ann)).stdout).toMatch(/Username +ann\nGroups +\[crew /);
    expect(await run("kubectl", configMaps, "", ann)).toMatchObject({ code: 1 });
  });

  test("writes down who asked for what", async () => {
    const { run, namespace, serviceAccountKubeconfig, auditEvents } = controlPlane();
    const ns = await namespace();
    const robot = await serviceAccountKubeconfig(ns, "robot");
    await run("kubectl", ["get", "secret", "of-others", "--namespace", ns], "", robot);
    const denied = (await auditEvents()).filter(({ user }) => user.username === `system:serviceaccount:${ns}:robot`);
    expect(denied).toContainEqual(
      expect.objectContaining({
        verb: "get",
        objectRef: expect.objectContaining({ resource: "secrets", namespace: ns, name: "of-others" }),
        responseStatus: expect.objectContaining({ code: 403 }),
      }),
    );
  });

  test("comes back as it was when its API server was killed", async () => {
    const { ask, namespace, apiServer } = controlPlane();
    const path = `/api/v1/namespaces/${await namespace()}`;
    await apiServer.kill();
    await expect(ask({ path })).rejects.toThrow(/ECONNREFUSED|hang up|ECONNRESET/);
    await apiServer.start();
    expect((await ask({ path })).code).toBe(200);
  });
});

test(
  "nothing stays of a control plane whose process was killed with SIGKILL",
  async () => {
    const file = new URL("control-plane-child.ts", import.meta.url).pathname;
    const child = startLineProcess([process.execPath, file]);
    const { folder, pids } = JSON.parse(await child.saw(/^\{/)) as { folder: string; pids: number[] };
    expect(pids.filter(isRunning)).toHaveLength(3);
    await child.kill();
    const over = async (): Promise<true | undefined> => (!pids.some(isRunning) && !existsSync(folder)) || undefined;
    await until("servers and folder are gone", over, patience);
  },
  2 * patience,
);
