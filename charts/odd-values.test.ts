import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { chartFolder, helm, objectsOf, renderChart, type Rendered } from "../test/harness/chart.ts";

const patience = 60_000;

/** The objects of a release by another name, or of a namespace by another. */
async function release(name: string, namespace: string, values: object): Promise<readonly Rendered[]> {
  const args = ["template", name, chartFolder, "--namespace", namespace, "--values", "-"];
  const { code, stdout, stderr } = await helm(args, stringify(values));
  if (code !== 0) throw new Error(stderr);
  return objectsOf(stdout);
}

const withEverything = {
  metrics: {
    dashboard: { enabled: true },
    serviceMonitor: { enabled: true, renderMode: "Always" },
    prometheusRule: { enabled: true, renderMode: "Always" },
  },
  tls: { certManager: { enabled: true, issuerRef: { name: "ca" } } },
  networkPolicy: { enabled: true },
};

/** Everything in a value that is no string where Kubernetes wants one: labels, annotations, selectors and namespaces. */
function otherThanStrings(value: unknown, path = ""): readonly string[] {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, each]) => {
    const at = `${path}/${key}`;
    if (/^(labels|annotations|matchLabels|selector)$/.test(key) && typeof each === "object" && each !== null) {
      const texts = Object.values(each).filter((text) => typeof text !== "object");
      if (texts.some((text) => typeof text !== "string")) return [at];
    }
    const isName =
      /^(name|namespace|priorityClassName|storageClassName|secretName|serviceAccountName|storage|image|interval)$/.test(
        key,
      );
    if (isName && typeof each !== "string") return [at];
    return otherThanStrings(each, at);
  });
}

describe("a release", () => {
  test("of the longest name has names that Kubernetes takes", { timeout: patience }, async () => {
    const objects = await release("r".repeat(53), "posthouse-system", withEverything);
    const longest = (kind: string): number =>
      Math.max(...objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name.length));
    expect(longest("Service")).toBeLessThanOrEqual(63);
    // Its pods bear the label controller-revision-hash: the name, and eleven characters.
    expect(longest("StatefulSet") + 11).toBeLessThanOrEqual(63);
  });

  test("with a dot in its name has none in that of a Service", { timeout: patience }, async () => {
    const services = (await release("mail.eu", "posthouse-system", {})).filter(({ kind }) => kind === "Service");
    expect(services.map(({ metadata }) => metadata.name)).toContain("mail-eu-relay");
  });

  test.each(["1", "123", "true", "null", "1e3"])(
    "named %s in a namespace of digits has strings where they are due",
    async (name) => {
      const values = {
        ...withEverything,
        crds: { enabled: false },
        nameOverride: name,
        operator: { priorityClassName: name, serviceAccount: { name } },
        relay: { persistence: { storageClass: name, size: name }, serviceAccount: { name, create: false } },
        fleet: { listeners: [{ name, port: 2525 }] },
      };
      const objects = await release(name, "123", values);
      expect(objects.flatMap((object) => otherThanStrings(object, object.kind))).toEqual([]);
      const operator = objects.find(({ kind }) => kind === "Deployment");
      expect(JSON.stringify(operator)).toContain(`app.kubernetes.io/instance=${name},`);
    },
    patience,
  );
});

const nothing = (...names: readonly string[]): object => Object.fromEntries(names.map((name) => [name, null]));

test("a list or map that is emptied by null is as good as an empty one", { timeout: patience }, async () => {
  const maps = nothing("labels", "annotations", "podLabels", "podAnnotations", "nodeSelector", "affinity", "resources");
  const lists = nothing("tolerations", "extraArgs", "extraEnv", "extraVolumes", "extraVolumeMounts");
  const probes = nothing("startupProbe", "livenessProbe", "readinessProbe", "podSecurityContext");
  const pod = { ...maps, ...lists, ...probes };
  const values = {
    ...nothing("commonLabels", "commonAnnotations", "fleet", "imagePullSecrets", "extraObjects", "tenantNamespaces"),
    crds: nothing("annotations", "keep"),
    image: nothing("repository"),
    operator: pod,
    relay: pod,
  };
  expect(await renderChart(values)).toMatchObject({ code: 0, stderr: "" });
});

describe("refused with its name is", () => {
  const refused: readonly [what: string, values: object, message: RegExp][] = [
    ["a section that is emptied", { relay: null }, /missing property 'relay'/],
    ["a section further down", { tls: { certManager: null } }, /\/tls'.*missing property 'certManager'/s],
    ["a certificate of nobody", { tls: { certManager: { enabled: true } } }, /\/tls\/certManager\/issuerRef\/name'/],
    ["a name that is none", { fullnameOverride: "Post House" }, /\/fullnameOverride'/],
    ["a name that is too long", { fullnameOverride: "r".repeat(47) }, /\/fullnameOverride'/],
    ["a label that is none", { nameOverride: "post house" }, /\/nameOverride'/],
    ["an image with its digest as tag", { image: { tag: "1@sha256:0" } }, /\/image\/tag'/],
    ["a Secret that cannot be", { redis: { secretName: "Redis" } }, /\/redis\/secretName'/],
    [
      "words where a number is due",
      { operator: { replicas: "two" } },
      /\/operator\/replicas'.*want (null or )?integer/s,
    ],
    ["an object where a list is due", { relay: { tolerations: { key: "a" } } }, /\/relay\/tolerations'.*want array/s],
  ];
  test.each(refused)("%s", async (_what, values, message) => {
    const { code, stderr } = await renderChart(values);
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
  });
});

const workloads = (objects: readonly Rendered[]) =>
  objects
    .filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet")
    .map(({ spec }) => spec as { selector: object; volumeClaimTemplates?: object; template: Rendered });

/** Whether an object has all that another has. */
const isPart = (part: object, whole: object = {}): boolean =>
  Object.entries(part).every(([name, value]) => Reflect.get(whole, name) === value);

/** The ports that a network policy lets pods connect to, such as `TCP 53`. */
function egressOf(policy: unknown): readonly string[] {
  const { egress } = policy as { egress: { ports: { protocol: string; port: number }[] }[] };
  return egress.flatMap(({ ports }) => ports.map(({ protocol, port }) => `${protocol} ${port}`));
}

describe("of a rendering", () => {
  test("the network policy names the ports of the store and of name servers", { timeout: patience }, async () => {
    const dns = {
      resolvers: ["192.0.2.1", "[2001:db8::5454]", "192.0.2.2:5353"],
      authorities: [{ zone: "example.com", servers: ["[2001:db8::1]:5300", "192.0.2.3:53"] }],
    };
    const store = "redis://user@redis.example.net:6380/2";
    const objects = await release("posthouse", "mail", { fleet: { store, dns }, networkPolicy: { enabled: true } });
    const egress = objects.filter(({ kind }) => kind === "NetworkPolicy").map(({ spec }) => egressOf(spec));
    const names = ["UDP 53", "TCP 53", "UDP 5353", "TCP 5353", "UDP 5300", "TCP 5300"];
    for (const ports of egress) expect(ports.slice(0, names.length)).toEqual(names);
    expect(egress[0]).not.toContain("TCP 6380");
    expect(egress[1]).toContain("TCP 6380");
  });

  test(
    "a ServiceMonitor finds the admin Service alone, whatever listeners are named",
    { timeout: patience },
    async () => {
      const fleet = { listeners: [{ name: "admin", port: 2525 }] };
      const objects = await release("posthouse", "mail", { ...withEverything, fleet });
      const found = objects
        .filter(({ kind }) => kind === "ServiceMonitor")
        .map(({ spec }) => {
          const { matchLabels } = (spec as { selector: { matchLabels: object } }).selector;
          const services = objects.filter(({ kind }) => kind === "Service");
          return services
            .filter(({ metadata }) => isPart(matchLabels, metadata.labels))
            .map(({ metadata }) => metadata.name);
        });
      expect(found).toEqual([["posthouse-operator-admin"], ["posthouse-relay-admin"]]);
    },
  );

  test("the ports of a container have names of their own", { timeout: patience }, async () => {
    const listeners = ["admin", "submission-inside", "submission-inside-2"].map((name, i) => ({
      name,
      port: 2525 + i,
    }));
    const objects = await release("posthouse", "mail", { fleet: { listeners } });
    const relay = objects.find(({ kind }) => kind === "StatefulSet") as Rendered & {
      spec: { template: { spec: { containers: { ports: { name: string }[] }[] } } };
    };
    const names = relay.spec.template.spec.containers[0]?.ports.map(({ name }) => name) ?? [];
    expect(names).toHaveLength(4);
    expect(new Set(names).size).toBe(4);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(15);
  });

  test("the pods change with the fleet file, and their selectors with nothing", { timeout: patience }, async () => {
    const [before, after] = await Promise.all([
      release("posthouse", "mail", {}),
      release("posthouse", "mail", { fleet: { workers: 2 }, commonLabels: { a: "b" }, image: { tag: "2" } }),
    ]);
    for (const [i, { selector, volumeClaimTemplates, template }] of workloads(before).entries()) {
      const next = workloads(after)[i];
      expect(next?.selector).toEqual(selector);
      expect(next?.volumeClaimTemplates).toEqual(volumeClaimTemplates);
      const sum = "checksum/fleet";
      expect(next?.template.metadata.annotations?.[sum]).not.toBe(template.metadata.annotations?.[sum]);
    }
  });
});

test("a parent chart has it as a part, by another name, and leaves it out", { timeout: patience }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "posthouse-parent-"));
  try {
    const dependencies = [{ name: "posthouse", alias: "mail", version: "0.x", condition: "mail.enabled" }];
    await writeFile(
      join(folder, "Chart.yaml"),
      stringify({ apiVersion: "v2", name: "platform", version: "1.0.0", dependencies }),
    );
    await cp(chartFolder, join(folder, "charts", "posthouse"), { recursive: true });
    const render = async (enabled: boolean): Promise<readonly Rendered[]> => {
      const values = { global: { region: "eu" }, mail: { enabled, fullnameOverride: "mail" } };
      const { code, stdout, stderr } = await helm(["template", "platform", folder, "--values", "-"], stringify(values));
      expect([code, stderr]).toEqual([0, ""]);
      return objectsOf(stdout);
    };
    expect((await render(true)).map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toContain(
      "StatefulSet mail-relay",
    );
    expect(await render(false)).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
