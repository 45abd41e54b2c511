import { expect, test } from "vitest";
import { covers, indexSources, sourcesOf, type Scope } from "./sources.ts";

const kinds = ["RelayTenant", "Secret", "ConfigMap"] as const;
const everywhere: Scope = { kind: "Cluster" };
const some: Scope = { kind: "Namespaces", namespaces: ["team-shop", "posthouse-system", "team-shop"] };
const ours = { "app.kubernetes.io/managed-by": "posthouse" };
const offered = { "posthouse.dev/use": "smarthost" };

const cases: readonly [
  what: string,
  Scope,
  kind: (typeof kinds)[number],
  namespace: string,
  labels: object,
  is: boolean,
][] = [
  ["any tenant", everywhere, "RelayTenant", "anywhere", {}, true],
  ["a tenant of the contract namespace", everywhere, "RelayTenant", "posthouse-system", {}, true],
  ["a tenant in scope", some, "RelayTenant", "team-shop", {}, true],
  ["a tenant out of scope", some, "RelayTenant", "other", {}, false],
  ["any Secret of the contract namespace", everywhere, "Secret", "posthouse-system", {}, true],
  ["any Secret of the contract namespace, of a scope too", some, "Secret", "posthouse-system", offered, true],
  ["a Secret of ours", everywhere, "Secret", "team-shop", ours, true],
  ["an offered Secret", everywhere, "Secret", "team-shop", offered, true],
  ["an offered Secret of ours", some, "Secret", "team-shop", { ...ours, ...offered }, true],
  ["a user's Secret", everywhere, "Secret", "team-shop", { app: "x" }, false],
  ["an offered ConfigMap", everywhere, "ConfigMap", "team-shop", offered, false],
  ["a Secret of ours out of scope", some, "Secret", "other", ours, false],
];
test.each(cases)("%s is watched once or not at all", (...[, scope, kind, namespace, labels, is]) => {
  const sources = sourcesOf(scope, "posthouse-system", kinds);
  const metadata = { name: "x", namespace, labels: { ...labels } };
  const object = { apiVersion: "v1", kind, metadata, type: "Opaque", data: {}, spec: {} } as Parameters<
    typeof covers
  >[1];
  const about = indexSources(sources)(kind, namespace);
  expect(about.filter((source) => covers(source, object))).toHaveLength(is ? 1 : 0);
  expect(sources.filter((source) => covers(source, object))).toHaveLength(is ? 1 : 0);
});

test("the contract namespace is not read twice", () => {
  const [, own, use] = sourcesOf(everywhere, "posthouse-system", ["Secret"]);
  for (const source of [own, use])
    expect(source).toMatchObject({ fieldSelector: "metadata.namespace!=posthouse-system", except: "posthouse-system" });
  expect(sourcesOf({ kind: "Namespaces", namespaces: [] }, "posthouse-system", ["Secret"])).toHaveLength(1);
});
