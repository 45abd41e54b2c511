import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import {
  chartFolder,
  helm,
  objectsOf,
  renderChart,
  type Rendered,
  renderValueSet,
  valueSetFile,
  valueSets,
} from "../test/harness/chart.ts";
import { yamlOfGuide } from "../test/harness/guide-manifests.ts";
import { chartFiles, findHelm, installBundle } from "./generate.ts";

const fileOf = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

/** A rendering apart from the CRDs, which are long and kept in crds/generated. */
function withoutCrds(rendering: string): string {
  const documents = rendering.split(/^---\n/m);
  return documents.filter((text) => !text.startsWith("# Source: posthouse/templates/crds/")).join("---\n");
}

describe("what is generated of the chart", () => {
  test.each(chartFiles().map(({ path, text }) => [path, text]))("%s is what the sources say", (path, text) => {
    expect(fileOf(path) === text ? "fresh" : "run npm run generate").toBe("fresh");
  });

  test("install.yaml is what the chart renders", () => {
    const isFresh = fileOf("install.yaml") === installBundle(findHelm() ?? "");
    expect(isFresh ? "fresh" : "run npm run generate").toBe("fresh");
  });

  test("Chart.yaml is of the version of package.json", () => {
    const { version } = JSON.parse(fileOf("../package.json")) as { version: string };
    expect(parse(fileOf("posthouse/Chart.yaml"))).toMatchObject({ version, appVersion: version });
  });
});

describe.each(valueSets)("the values %s", (name) => {
  test("pass helm lint", async () => {
    const { code, stdout, stderr } = await helm([
      "lint",
      "--strict",
      chartFolder,
      "--values",
      valueSetFile(name, "values"),
    ]);
    expect(code === 0 ? "" : stdout + stderr).toBe("");
  });

  test("render as they did", async () => {
    await expect(withoutCrds(await renderValueSet(name))).toMatchFileSnapshot(valueSetFile(name, "golden"));
  });
});

/** The values of the chart in a HelmRelease of Flux, or in an Application of Argo CD. */
function valuesIn({ spec = {} }: Rendered): readonly object[] {
  const { values, source } = spec as { values?: object; source?: { helm?: { valuesObject?: object } } };
  return [values, source?.helm?.valuesObject].filter((each) => each !== undefined);
}

describe("values that the schema refuses", () => {
  const refused: readonly [what: string, values: object, message: RegExp][] = [
    ["an unknown value", { replicas: 2 }, /additional properties 'replicas' not allowed/],
    [
      "an unknown value further down",
      { relay: { replica: 2 } },
      /\/relay'.*additional properties 'replica' not allowed/s,
    ],
    ["two pods on one volume", { relay: { replicas: 2 } }, /\/relay\/replicas'.*must be 1/s],
    ["no number of pods on a volume", { relay: { replicas: null } }, /missing property 'replicas'/],
    [
      "two pods on a store in a folder",
      { relay: { replicas: 2 }, fleet: { store: "file:/var/lib/posthouse/store" } },
      /must be 1/,
    ],
    [
      "a scaler by nothing",
      {
        relay: { autoscaling: { enabled: true, targetCPUUtilizationPercentage: null } },
        redis: { secretName: "redis" },
      },
      /\/relay\/autoscaling\/metrics'.*minItems/s,
    ],
    ["a store beside the volume", { fleet: { store: "file:/data/store" } }, /\/fleet\/store'/],
    ["a scaler on one volume", { relay: { autoscaling: { enabled: true } } }, /\/relay\/autoscaling\/enabled'/],
    ["a field that a fleet has not", { fleet: { host: "x" } }, /\/fleet'.*additional properties 'host' not allowed/s],
    ["a fleet with a bad host name", { fleet: { hostname: "No Name" } }, /\/fleet\/hostname'/],
    ["a listener without a port", { fleet: { listeners: [{ name: "smtp" }] } }, /missing property 'port'/],
    ["a plan without a cap", { fleet: { plans: { Pro: {} } } }, /missing property 'maxCredits'/],
    ["a bad duration", { fleet: { limits: { stopTimeout: "1 minute" } } }, /\/fleet\/limits\/stopTimeout'/],
    ["a namespace that cannot be", { tenantNamespaces: ["Team"] }, /\/tenantNamespaces\/0'/],
    ["a namespace twice", { tenantNamespaces: ["a", "a"] }, /\/tenantNamespaces'/],
    ["a word that is none", { relay: { service: { type: "Headless" } } }, /\/relay\/service\/type'/],
    ["a log level that is none", { logLevel: "trace" }, /\/logLevel'/],
    ["a number as a label", { commonLabels: { a: 1 } }, /\/commonLabels\/a'/],
  ];
  test.each(refused)("%s", async (_what, values, message) => {
    const { code, stderr } = await renderChart(values);
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
  });

  test.each(["redis://:hunter2@redis", "redis+sentinel://user:hunter2@one:26379,two/main"])(
    "a password in %s, without saying it again",
    async (store) => {
      const { code, stdout, stderr } = await renderChart({ fleet: { store } });
      expect(stderr).toMatch(/\/fleet\/store'.*an address without a password: the Secret of redis.secretName has it/s);
      expect(stdout + stderr).not.toContain("hunter2");
      expect(code).toBe(1);
    },
  );

  const taken: readonly [what: string, values: object][] = [
    ["what a parent chart passes on", { global: { a: 1 }, enabled: false }],
    ["pods on a Redis of the fleet", { relay: { replicas: 3 }, fleet: { store: "redis://redis.example.net" } }],
    ["pods on a Redis with a user", { fleet: { store: "redis://user@redis.example.net:6380/2" } }],
    [
      "a scaler by a metric of one's own",
      {
        redis: { secretName: "redis" },
        relay: { autoscaling: { enabled: true, targetCPUUtilizationPercentage: null, metrics: [{ type: "Pods" }] } },
      },
    ],
    ["pods on a Redis of a Secret", { relay: { replicas: 3 }, redis: { secretName: "redis" } }],
    ["a plan of the fleet's own", { fleet: { plans: { Inside: { maxCredits: "Unlimited" } } } }],
  ];
  const guides = ["install", "upgrade", "gitops", "rbac", "dns-automation"];
  test.each(guides)("but not those of the guide %s", async (guide) => {
    const { objects, values } = yamlOfGuide(guide);
    const inside = objects.flatMap(valuesIn);
    for (const each of [...values, ...inside]) expect(await renderChart(each)).toMatchObject({ code: 0, stderr: "" });
    expect(objects.length + values.length).toBeGreaterThan(0);
  });

  test.each(taken)("but not %s", async (_what, values) => {
    expect(await renderChart(values)).toMatchObject({ code: 0, stderr: "" });
  });
});

/** What Helm says after it has installed the chart with these values. */
async function notes(values: object): Promise<string> {
  const args = ["install", "posthouse", chartFolder, "--namespace", "mail", "--dry-run=client", "--values", "-"];
  const { stdout, stderr } = await helm(args, JSON.stringify(values));
  return stdout.split("\nNOTES:\n")[1] ?? stderr;
}

/** A text without its lines, nor the marks of a comment. */
const flat = (text: string): string => text.replaceAll(/\s+(# )?/g, " ");

describe("the notes", () => {
  const hostname = "smtp.example.net";
  const places: readonly [what: string, values: object, said: RegExp][] = [
    ["without a name", {}, /Clients inside the cluster submit to posthouse-relay\.mail\.svc:587, 465, 2525, with/],
    [
      "inside",
      { fleet: { hostname } },
      /Clients inside the cluster submit to smtp\.example\.net:587, 465, 2525, with.*has to lead to the Service posthouse-relay/s,
    ],
    [
      "behind a load balancer",
      { fleet: { hostname }, relay: { service: { type: "LoadBalancer" } } },
      /Clients submit to smtp\.example\.net:587, 465, 2525, with.*has to lead to the Service posthouse-relay/s,
    ],
    [
      "on ports of nodes",
      { fleet: { hostname }, relay: { service: { type: "NodePort" } } },
      /Clients submit to smtp\.example\.net:587, 465, 2525, with.*from outside by the ports that it has on the nodes/s,
    ],
  ];
  test.each(places)("say where clients submit: %s", async (_what, values, said) => {
    expect(await notes(values)).toMatch(said);
  });

  test("say of a self-signed certificate what the values and the guide say", async () => {
    const said =
      /each relay pod makes a self-signed certificate for itself, which no client can verify: for trying out only\./i;
    expect(await notes({})).toMatch(said);
    expect(await notes({ tls: { secretName: "tls" } })).not.toContain("self-signed");
    expect(flat(fileOf("posthouse/values.yaml"))).toMatch(said);
    expect(flat(fileOf("../docs/guides/install.md"))).toMatch(said);
  });
});

describe("a rendering", () => {
  const rendered = new Map<string, readonly Rendered[]>();
  beforeAll(async () => {
    for (const name of valueSets) rendered.set(name, objectsOf(await renderValueSet(name)));
  }, 120_000);
  const only = (set: string, kind: string, name: string): Rendered => {
    const found = rendered.get(set)?.filter((object) => object.kind === kind && object.metadata.name === name) ?? [];
    if (found[0] === undefined || found.length > 1)
      throw new Error(`${found.length} objects ${kind} ${name} in ${set}`);
    return found[0];
  };
  const every = (set: string, kind: string): readonly Rendered[] =>
    rendered.get(set)?.filter((object) => object.kind === kind) ?? [];

  test("has no object twice, and a namespace where one is due", () => {
    const clusterWide = /^(Cluster|CustomResourceDefinition|ValidatingAdmissionPolicy)/;
    for (const objects of rendered.values()) {
      const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`);
      expect(new Set(names).size).toBe(names.length);
      for (const { kind, metadata } of objects)
        expect([kind, metadata.name, metadata.namespace === undefined]).toEqual([
          kind,
          metadata.name,
          clusterWide.test(kind),
        ]);
    }
  });

  test("grants no wildcard", () => {
    const roles = [...rendered.values()].flat().filter(({ kind }) => kind === "Role" || kind === "ClusterRole");
    expect(roles.length).toBeGreaterThan(20);
    expect(JSON.stringify(roles.map(({ rules }) => rules))).not.toContain("*");
  });

  test("of namespaces makes no ClusterRole and a Role in each", () => {
    expect(every("namespaced", "ClusterRole")).toEqual([]);
    expect(every("namespaced", "CustomResourceDefinition")).toEqual([]);
    expect(
      every("namespaced", "Role")
        .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
        .toSorted(),
    ).toEqual([
      "posthouse-keys/posthouse-operator-contracts",
      "posthouse-keys/posthouse-relay",
      "posthouse-system/posthouse-operator",
      "team-blog/posthouse-operator-tenants",
      "team-shop/posthouse-operator-tenants",
    ]);
    expect(JSON.stringify(only("namespaced", "Deployment", "posthouse-operator"))).toContain(
      '"--tenant-namespaces","team-shop,team-blog"',
    );
  });

  test("lets the relay stop as long as the fleet says, and load balancers forget it before", () => {
    const { spec } = only("ha", "Deployment", "posthouse-relay");
    expect(spec).toMatchObject({ template: { spec: { terminationGracePeriodSeconds: 90 + 5 + 10 } } });
    expect(only("minimal", "StatefulSet", "posthouse-relay").spec).toMatchObject({
      replicas: 1,
      template: { spec: { terminationGracePeriodSeconds: 25 + 5 + 10 } },
    });
  });

  test("leaves replicas out where somebody scales", () => {
    for (const set of ["ha", "gitops"])
      expect(only(set, "Deployment", "posthouse-relay").spec).not.toHaveProperty("replicas");
  });

  test("writes whole numbers of the fleet as such", () => {
    const { data } = only("ha", "ConfigMap", "posthouse-fleet") as unknown as { data: Record<string, string> };
    expect(parse(data["fleet.yaml"] ?? "")).toMatchObject({ limits: { messageBytes: 52_428_800 } });
    expect(data["fleet.yaml"]).toContain("messageBytes: 52428800");
  });

  test("keeps the CRDs, unless told otherwise", () => {
    const policy = "helm.sh/resource-policy";
    for (const { metadata } of every("minimal", "CustomResourceDefinition"))
      expect(metadata.annotations?.[policy]).toBe("keep");
    for (const { metadata } of every("everything", "CustomResourceDefinition"))
      expect(metadata.annotations).toEqual({ "example.net/crd": "yes", "example.net/owner": "platform" });
  });

  test("has no hook", () => {
    for (const objects of rendered.values()) expect(JSON.stringify(objects)).not.toContain("helm.sh/hook");
  });

  test("skips what the API server does not know", async () => {
    const values = { metrics: { serviceMonitor: { enabled: true }, prometheusRule: { enabled: true } } };
    const { stdout } = await renderChart(values);
    expect(objectsOf(stdout).filter(({ apiVersion }) => apiVersion.startsWith("monitoring"))).toEqual([]);
  });
});
