import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { chartFolder, objectsOf, type Rendered, renderValueSet, valueSets } from "../test/harness/chart.ts";
import { yamlOfGuide } from "../test/harness/guide-manifests.ts";
import { until } from "../test/harness/until.ts";
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

/** Runs kubectl as somebody else. */
const as = (user: string, args: readonly string[], input = ""): ReturnType<ReturnType<typeof controlPlane>["run"]> =>
  controlPlane().run("kubectl", [...args, `--as=${user}`], input);

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

const tenant = (extra = ""): string => `
apiVersion: posthouse.dev/v1alpha1
kind: RelayTenant
metadata: {name: shop, namespace: team-shop}
spec:
  allowance: {plan: Pro, credits: {type: Recurring, amount: 12000, reset: Monthly}${extra}}
  environments: [{name: production, mode: Deliver, credentials: [{name: web, secretName: shop-web}]}]
`;
const domain = `
apiVersion: posthouse.dev/v1alpha1
kind: SendingDomain
metadata: {name: shop-example, namespace: team-shop}
spec: {domain: shop.example, tenantRef: {name: shop}}
`;
const secret = (namespace: string): string => `
apiVersion: v1
kind: Secret
metadata: {name: something, namespace: ${namespace}}
stringData: {privateKey: not-a-key}
`;

const raise = JSON.stringify({ spec: { allowance: { credits: { amount: 99_999_999 } } } });
const topUp = JSON.stringify({
  spec: { allowance: { topUps: [{ name: "free", amount: 5, expiresAt: "2099-01-01T00:00:00Z" }] } },
});
const suspend = JSON.stringify({ spec: { sending: "Disabled" } });
const patch = (body: string): readonly string[] => [
  "--namespace=team-shop",
  "patch",
  "relaytenant/shop",
  "--type=merge",
  "--patch",
  body,
];
const apply = ["apply", "--server-side", "--force-conflicts", "--filename", "-"];

/** A member of the team; one who got to create tenants by a Role of the team's own; the platform's. */
const users = {
  anna: "edit in team-shop",
  mallory: "everything of relaytenants in team-shop, but no allowance",
  paul: "posthouse-platform",
} as const;

const bindings = `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: anna, namespace: team-shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: anna}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: own, namespace: team-shop}
rules: [{apiGroups: [posthouse.dev], resources: [relaytenants], verbs: [get, list, watch, create, update, patch, delete]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: mallory, namespace: team-shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: own}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: mallory}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: paul}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: posthouse-platform}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: paul}]
`;

/** Of other projects, whose CRDs are not here. */
const foreign = /fluxcd\.io|argoproj\.io/;
const guides = ["upgrade", "rbac", "dns-automation"];

describe("who may do what", () => {
  beforeAll(async () => {
    await kubectl(["apply", "--server-side", "--filename", "-"], await renderValueSet("minimal"));
    await kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=120s"]);
    await kubectl(["apply", "--server-side", "--filename", "-"], bindings);
    await kubectl(["apply", "--server-side", "--filename", "-"], tenant());
    for (const namespace of ["posthouse-system", "team-shop", "team-blog"])
      await kubectl(["apply", "--server-side", "--filename", "-"], secret(namespace));
    await until(
      "the policy is in force and the tenants' role is part of edit",
      async () => {
        const [raised, listed] = await Promise.all([
          as("mallory", [...patch(raise), "--dry-run=server"]),
          as("anna", ["--namespace=team-shop", "get", "relaytenants"]),
        ]);
        return (raised.code !== 0 && listed.code === 0) || undefined;
      },
      patience,
    );
  }, patience);

  const policy =
    /spec\.allowance is for the platform team to set: \w+ may not update relaytenants\/allowance in the namespace team-shop/;
  const forbidden = /cannot (create|delete|patch|get|list) resource/;
  const cases: readonly [
    user: keyof typeof users,
    what: string,
    args: readonly string[],
    input: string,
    refused?: RegExp,
  ][] = [
    ["anna", "see the tenant", ["--namespace=team-shop", "get", "relaytenant", "shop"], ""],
    ["anna", "claim a domain", apply, domain],
    ["anna", "switch sending off", patch(suspend), ""],
    ["anna", "apply the whole tenant with the allowance as it is", apply, tenant()],
    ["anna", "read a credential of the team", ["--namespace=team-shop", "get", "secret", "something"], ""],
    [
      "anna",
      "rotate by annotation",
      ["--namespace=team-shop", "annotate", "relaytenant", "shop", "posthouse.dev/rotate=production/web=1"],
      "",
    ],
    ["anna", "drop a claim", ["--namespace=team-shop", "delete", "sendingdomain", "shop-example"], ""],
    ["anna", "raise the credits", patch(raise), "", policy],
    ["anna", "add a top-up", patch(topUp), "", policy],
    [
      "anna",
      "raise them by applying",
      apply,
      tenant(", topUps: [{name: free, amount: 5, expiresAt: '2099-01-01T00:00:00Z'}]"),
      policy,
    ],
    ["anna", "raise them by a dry run", [...patch(raise), "--dry-run=server"], "", policy],
    [
      "anna",
      "write a status",
      [...patch('{"status":{"observedGeneration":1}}'), "--subresource=status"],
      "",
      forbidden,
    ],
    [
      "anna",
      "make a tenant",
      ["create", "--filename", "-"],
      tenant().replaceAll("name: shop,", "name: other,"),
      forbidden,
    ],
    ["anna", "end the tenant", ["--namespace=team-shop", "delete", "relaytenant", "shop"], "", forbidden],
    ["anna", "read a private key", ["--namespace=posthouse-system", "get", "secret", "something"], "", forbidden],
    ["anna", "list the contracts", ["--namespace=posthouse-system", "get", "secrets"], "", forbidden],
    ["anna", "read another team's credential", ["--namespace=team-blog", "get", "secret", "something"], "", forbidden],
    ["anna", "see another team's tenants", ["--namespace=team-blog", "get", "relaytenants"], "", forbidden],
    ["mallory", "raise the credits", patch(raise), "", policy],
    [
      "mallory",
      "make a tenant",
      ["create", "--filename", "-"],
      tenant().replaceAll("name: shop,", "name: other,"),
      policy,
    ],
    ["paul", "raise the credits", patch(raise), ""],
    ["paul", "make a tenant", ["create", "--filename", "-"], tenant().replaceAll("name: shop,", "name: third,")],
    ["paul", "end it", ["--namespace=team-shop", "delete", "relaytenant", "third"], ""],
    ["paul", "read a private key", ["--namespace=posthouse-system", "get", "secret", "something"], "", forbidden],
  ];
  test.each(cases.map((each) => [each[0], each[4] === undefined ? "may" : "may not", each[1], each] as const))(
    "%s %s %s",
    async (user, _may, _what, [, , args, input, refused]) => {
      const { code, stderr } = await as(user, args, input);
      expect(stderr).toMatch(refused ?? /^$/);
      expect(code).toBe(refused === undefined ? 0 : 1);
    },
    patience,
  );

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

  test(
    "nobody becomes somebody else who may not impersonate",
    async () => {
      const own = await controlPlane().userKubeconfig("anna");
      const { code, stderr } = await controlPlane().run("kubectl", [...patch(raise), "--as=paul"], "", own);
      expect(stderr).toMatch(/User "anna" cannot impersonate/);
      expect(code).toBe(1);
    },
    patience,
  );
});
