import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { chartFolder, objectsOf, type Rendered, renderValueSet, valueSets } from "../test/harness/chart.ts";
import { yamlOfGuide } from "../test/harness/guide-manifests.ts";
import { readmeCommands } from "../test/harness/readme-commands.ts";
import { withControlPlane } from "../test/harness/with-control-plane.ts";

const patience = 120_000;
const controlPlane = withControlPlane();
const namespaces = ["posthouse-system", "posthouse-keys", "team-shop", "team-blog", "monitoring"];
const upgradeGuide = readFileSync(new URL("../docs/guides/upgrade.md", import.meta.url), "utf8");
const foreignKinds = readFileSync(new URL("../test/fixtures/chart/foreign-kinds.yaml", import.meta.url), "utf8");

async function kubectl(args: readonly string[], input = ""): Promise<string> {
  const { code, stdout, stderr } = await controlPlane().run("kubectl", args, input);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

const namespaceList = namespaces
  .map(
    (name) =>
      `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}, labels: {pod-security.kubernetes.io/warn: restricted}}\n`,
  )
  .join("---\n");

beforeAll(async () => {
  await kubectl(["apply", "--server-side", "--filename", "-"], `${namespaceList}---\n${foreignKinds}`);
  await kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=120s"]);
}, patience);

describe("the API server takes", () => {
  test.each(valueSets)(
    "the rendering of %s, without a warning",
    async (name) => {
      const rendering = await renderValueSet(name);
      const { code, stderr } = await controlPlane().run(
        "kubectl",
        ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", "-"],
        rendering,
      );
      expect(stderr).toBe("");
      expect(code).toBe(0);
    },
    patience,
  );

  test(
    "install.yaml by kubectl alone",
    async () => {
      const bundle = readFileSync(new URL("install.yaml", import.meta.url), "utf8");
      const args = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", "-"];
      expect(await controlPlane().run("kubectl", args, bundle)).toMatchObject({ code: 0, stderr: "" });
    },
    patience,
  );
});

function inLargerVolume(
  command: "install" | "upgrade",
  release: string,
  ...args: readonly string[]
): ReturnType<ReturnType<typeof controlPlane>["run"]> {
  const values = { crds: { enabled: false }, rbac: { userRoles: false }, admissionPolicy: { enabled: false } };
  const flags = [release, chartFolder, "--namespace", "larger-volume", "--create-namespace", "--values", "-", ...args];
  return controlPlane().run("helm", [command, ...flags], stringify(values));
}

test(
  "a larger volume is refused by an upgrade, until its StatefulSet is taken away as the guide says",
  { timeout: patience },
  async () => {
    expect(await inLargerVolume("install", "posthouse")).toMatchObject({ code: 0 });
    const larger = "relay.persistence.size=20Gi";
    const { code, stderr } = await inLargerVolume("upgrade", "posthouse", "--set", larger);
    expect([code, stderr]).toEqual([1, expect.stringContaining("updates to statefulset spec")]);
    expect(upgradeGuide).toContain(larger);
    const command = /^\$ kubectl --namespace posthouse-system (delete statefulset .*)$/m.exec(upgradeGuide)?.[1] ?? "";
    await kubectl(["--namespace=larger-volume", ...command.split(" ")]);
    expect(await inLargerVolume("upgrade", "posthouse", "--set", larger)).toMatchObject({ code: 0 });
  },
);

test("a second release in a namespace is refused, and told of the first", { timeout: patience }, async () => {
  const { code, stderr } = await inLargerVolume("install", "second");
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining("the namespace larger-volume has the release posthouse of Posthouse already"),
  ]);
  await kubectl(["delete", "namespace", "larger-volume", "--wait=false"]);
});

test.each(valueSets)(
  "a namespace that enforces restricted pods takes those of %s",
  { timeout: patience },
  async (name) => {
    const pods = objectsOf(await renderValueSet(name)).flatMap(podOf);
    expect(pods).toHaveLength(2);
    await kubectl(
      ["apply", "--server-side", "--filename", "-"],
      "apiVersion: v1\nkind: Namespace\nmetadata: {name: strict, labels: {pod-security.kubernetes.io/enforce: restricted}}",
    );
    const list = pods.map((pod) => stringify(pod)).join("---\n");
    const args = ["create", "--dry-run=server", "--validate=strict", "--filename", "-"];
    expect(await controlPlane().run("kubectl", args, list)).toMatchObject({ code: 0, stderr: "" });
  },
);

/** A pod as a workload's template makes it, in the namespace `strict`, of the account that every namespace has. */
function podOf({ kind, metadata, spec }: Rendered): readonly object[] {
  if (kind !== "Deployment" && kind !== "StatefulSet") return [];
  const { template } = spec as {
    template: { metadata: object; spec: { volumes?: object[]; priorityClassName?: string } };
  };
  const volumes = [
    ...(template.spec.volumes ?? []),
    ...(kind === "StatefulSet" ? [{ name: "state", emptyDir: {} }] : []),
  ];
  return [
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { ...template.metadata, name: metadata.name, namespace: "strict" },
      spec: { ...template.spec, volumes, serviceAccountName: "default" },
    },
  ];
}

/** Of other projects, whose CRDs are not here. */
const foreign = /fluxcd\.io|argoproj\.io/;
const guides = ["upgrade", "rbac", "dns-automation"];

describe("what guides show", () => {
  beforeAll(() => controlPlane().installCrds(), patience);

  test.each(guides)(
    "an administrator may apply the manifests of the guide %s",
    async (guide) => {
      const objects = yamlOfGuide(guide).objects.filter(({ apiVersion }) => !foreign.test(apiVersion));
      const args = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", "-"];
      const text = objects.map((object) => stringify(object)).join("---\n");
      expect(await controlPlane().run("kubectl", args, text)).toMatchObject({ code: 0, stderr: "" });
    },
    patience,
  );
});

test(
  "what install.yaml made is deleted as the guide says, and keys, mail and tenants stay",
  { timeout: patience },
  async () => {
    const run = (command: string): Promise<string> => kubectl(command.split(/[\s\\]+/).slice(1));
    const bundle = ["--filename", fileURLToPath(new URL("install.yaml", import.meta.url))];
    await kubectl(["apply", "--server-side", "--force-conflicts", ...bundle]);
    await run("kubectl create secret generic a-key --namespace posthouse-system");
    await run("kubectl create configmap a-history --namespace posthouse-system");
    await run("kubectl wait --for=create pvc/state-posthouse-relay-0 --namespace posthouse-system --timeout=60s");

    for (const command of readmeCommands("Without Helm", "docs/guides/install.md"))
      if (command.startsWith("kubectl delete ")) await run(command);
    const ours = "secret/a-key configmap/a-history pvc/state-posthouse-relay-0";
    expect((await run(`kubectl get ${ours} --namespace posthouse-system --output name`)).split("\n")).toHaveLength(4);
    expect((await kubectl(["get", "--ignore-not-found", "--output", "name", ...bundle])).trim().split("\n")).toEqual([
      "namespace/posthouse-system",
      "customresourcedefinition.apiextensions.k8s.io/relaytenants.posthouse.dev",
      "customresourcedefinition.apiextensions.k8s.io/sendingdomains.posthouse.dev",
    ]);
  },
);
