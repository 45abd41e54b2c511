import { describe, expect, test } from "vitest";
import { parseManifests } from "./parse-manifests.ts";
import { problemText } from "./problem.ts";

const tenant = `apiVersion: posthouse.dev/v1alpha1
kind: RelayTenant
metadata: {name: shop, namespace: team-shop}
spec:
  allowance: {plan: Pro, credits: {type: Unlimited}}
`;
const config = `apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
data: {a: b}
`;

/** What a text says: its objects with their lines, and its problems as lines. */
function said(text: string): { objects: string[]; problems: string[]; broken: string[]; unclear: boolean } {
  const { objects, problems, broken, unclear } = parseManifests("a.yaml", text);
  return {
    objects: objects.map(
      ({ object, position }) =>
        `${object.kind} ${object.metadata.namespace}/${object.metadata.name} at ${position.line}`,
    ),
    problems: problems.map(problemText),
    broken: broken.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`),
    unclear,
  };
}

describe("parseManifests reads", () => {
  test("a map of many keys in less than the time that a test may take", () => {
    const entries = Array.from({ length: 60_000 }, (_, i) => `  k${i}: v\n`).join("");
    expect(said(`apiVersion: v1\nkind: ConfigMap\nmetadata: {name: many}\ndata:\n${entries}`).problems).toEqual([]);
  });

  test.each<[string, string, string[]]>([
    ["nothing", "", []],
    ["comments and empty documents", "# a\n---\n---\n# b\n", []],
    [
      "several documents and kinds",
      `# c\n${tenant}---\n${config}...\n`,
      ["RelayTenant team-shop/shop at 2", "ConfigMap default/notes at 8"],
    ],
    [
      "Windows line ends and a byte order mark",
      `\uFEFF${tenant}---\n${config}`.replaceAll("\n", "\r\n"),
      ["RelayTenant team-shop/shop at 1", "ConfigMap default/notes at 7"],
    ],
    [
      "JSON with tabs",
      `{\n\t"apiVersion": "v1",\n\t"kind": "ConfigMap",\n\t"metadata": {"name": "a"}\n}\n`,
      ["ConfigMap default/a at 1"],
    ],
    [
      "anchors and merge keys",
      config.replace("{name: notes}", "{name: notes, labels: &l {a: b}}").replace("{a: b}\n", "{<<: *l, c: d}\n"),
      ["ConfigMap default/notes at 1"],
    ],
    [
      "what kubectl prints, without what the server set",
      config.replace(
        "{name: notes}",
        "{name: notes, uid: x, resourceVersion: '1', generation: 3, creationTimestamp: null}",
      ),
      ["ConfigMap default/notes at 1"],
    ],
  ])("%s", (_, text, objects) => {
    expect(said(text)).toEqual({ objects, problems: [], broken: [], unclear: false });
  });

  test("a Secret decoded, stringData over data, with no server fields", () => {
    const secret = `apiVersion: v1
kind: Secret
metadata: {name: a, uid: theirs, labels: {x: "y"}}
data: {user: w6k=, password: b2xk}
stringData: {password: new}
`;
    expect(parseManifests("a.yaml", secret).objects[0]?.object).toEqual({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "a", namespace: "default", labels: { x: "y" } },
      type: "Opaque",
      data: { user: "é", password: "new" },
    });
  });

  test("a status is not the user's to say", () => {
    const { objects } = parseManifests("a.yaml", `${tenant}status: {observedGeneration: 7}\n`);
    expect(objects[0]?.object).toMatchObject({ status: { observedGeneration: -1 } });
  });
});

describe("parseManifests says where and what", () => {
  test.each<[string, string, string, "broken" | "unclear" | "foreign"]>([
    ["YAML that does not close", "a: [1\nb: 2\n", "a.yaml:2:1: not YAML: Flow sequence", "unclear"],
    [
      "a key that stands twice",
      "a: 1\nb: 2\na: 3\n",
      'a.yaml:3:1: not YAML: Map keys must be unique; remove one "a"',
      "unclear",
    ],
    [
      "keys that are one in JSON",
      '1: a\n"1": b\n',
      'a.yaml:2:1: not YAML: Map keys must be unique; remove one "1"',
      "unclear",
    ],
    ["a list as a key", "? [a]\n: b\n", "a.yaml:1:1: not YAML: A key must be a plain word", "unclear"],
    ["tabs for indentation", "a:\n\tb: 1\n", "a.yaml:2:1: not YAML: ", "unclear"],
    ["an unknown tag", "a: !include b\n", "a.yaml:1:4: not YAML: Unresolved tag", "unclear"],
    [
      "an alias bomb",
      `a0: &a0 [1,1,1,1,1,1,1,1,1,1,1]\n${[1, 2, 3, 4].map((n) => `a${n}: &a${n} [${`*a${n - 1},`.repeat(11)}]\n`).join("")}`,
      "a.yaml:1:1: not YAML: Excessive alias count",
      "unclear",
    ],
    ["a list", "- a\n", "a.yaml:1:1: must be a map", "unclear"],
    ["a scalar", "hello\n", "a.yaml:1:1: must be a map", "unclear"],
    ["no kind", "\napiVersion: v1\n", "a.yaml:2:1: kind: is required", "unclear"],
    [
      "another's kind",
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n",
      'a.yaml:2:1: kind: must be one of RelayTenant, SendingDomain, Secret, ConfigMap, not "Deployment"',
      "foreign",
    ],
    [
      "a misspelt kind of ours",
      tenant.replace("RelayTenant", "RelayTennant"),
      'a.yaml:2:1: kind: must be one of RelayTenant, SendingDomain, not "RelayTennant"',
      "unclear",
    ],
    [
      "an unknown field",
      `${tenant}  x: 1\n`,
      "a.yaml:6:3: RelayTenant team-shop/shop: spec.x: is not a field here",
      "broken",
    ],
    [
      "a value deep in a flow",
      tenant.replace("Unlimited", "1"),
      "a.yaml:5:36: RelayTenant team-shop/shop: spec.allowance.credits.type: must be of type string",
      "broken",
    ],
    [
      "a CEL rule",
      tenant.replace("Unlimited", "OneTime"),
      "a.yaml:5:26: RelayTenant team-shop/shop: spec.allowance.credits: amount is required",
      "broken",
    ],
    [
      "what is missing, at what is around it",
      tenant.replace("plan: Pro, ", ""),
      "a.yaml:5:3: RelayTenant team-shop/shop: spec.allowance.plan: is required",
      "broken",
    ],
    [
      "a list item",
      `${tenant}  environments:\n  - name: a\n  - name: A\n`,
      "a.yaml:8:5: RelayTenant team-shop/shop: spec.environments[1].name: ",
      "broken",
    ],
    [
      "a second document",
      `${config}---\n${config.replace("{a: b}", "{a: 1}")}`,
      "a.yaml:9:8: ConfigMap default/notes: data.a: must be a string; quote it",
      "broken",
    ],
    [
      "base64 that is none",
      "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\n  k: hunter2!\n",
      "a.yaml:5:3: Secret default/a: data.k: must be base64 of UTF-8",
      "broken",
    ],
    [
      "bytes that are not text",
      "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\n  k: /w==\n",
      "a.yaml:5:3: Secret default/a: data.k: must be base64 of UTF-8",
      "broken",
    ],
    [
      "a wrong version of a Secret",
      "apiVersion: v2\nkind: Secret\nmetadata: {name: a}\n",
      "a.yaml:1:1: Secret default/a: apiVersion: must be v1 for a Secret",
      "broken",
    ],
  ])("%s", (_, text, problem, effect) => {
    const { problems, broken, unclear } = said(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.slice(0, problem.length)).toBe(problem);
    expect({ broken: broken.length, unclear }).toEqual({
      broken: effect === "broken" ? 1 : 0,
      unclear: effect === "unclear",
    });
  });

  test("a good document stands beside a bad one", () => {
    const { objects, problems } = said(`${config}---\na: [\n---\n${tenant}`);
    expect(objects).toContain("ConfigMap default/notes at 1");
    expect(problems).not.toEqual([]);
  });

  test("no value of a Secret is ever in a message", () => {
    const bad =
      "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: 1\ndata: {a: hunter2!, b: [hunter2], 'c d': hunter2}\nstringData: {d: {e: hunter2}}\n";
    const { problems } = said(bad);
    expect(problems).toHaveLength(5);
    expect(problems.join()).not.toContain("hunter2");
  });
});
