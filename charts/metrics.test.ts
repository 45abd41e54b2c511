import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { Registry, collectDefaultMetrics } from "prom-client";
import { objectsOf, renderChart } from "../test/harness/chart.ts";

const root = new URL("..", import.meta.url);

/** Names of metrics in the code: those that it registers, and those of the process itself. */
function namesInCode(): ReadonlySet<string> {
  const files = execFileSync(
    "git",
    ["ls-files", "-co", "--exclude-standard", "relay", "operator", "cli", "cluster", "runtime"],
    {
      cwd: root,
      encoding: "utf8",
    },
  );
  const sources = files.split("\n").filter((file) => file.endsWith(".ts") && !/\.(test|suite)\.ts$/.test(file));
  const registered = sources.flatMap((file) =>
    Array.from(readFileSync(new URL(file, root), "utf8").matchAll(/name: "([a-z][a-z0-9_]+)"/g)),
  );
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return new Set([...registered.map(([, name = ""]) => name), ...registry.getMetricsAsArray().map(({ name }) => name)]);
}

/** Names of metrics in an expression of PromQL: words that a selector follows. */
function namesIn(expression: string): readonly string[] {
  return [...expression.matchAll(/([a-z_:][a-z0-9_:]*)\s*\{/g)].map(([, name = ""]) =>
    name.replace(/_(bucket|sum|count)$/, ""),
  );
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

describe("alerts and dashboard", () => {
  const known = namesInCode();
  let rules: readonly Rule[] = [];
  let expressions: readonly string[] = [];
  beforeAll(async () => {
    const values = {
      metrics: { prometheusRule: { enabled: true, renderMode: "Always" }, dashboard: { enabled: true } },
    };
    const objects = objectsOf((await renderChart(values)).stdout);
    const found = objects.find(({ kind }) => kind === "PrometheusRule") as { spec?: { groups: { rules: Rule[] }[] } };
    rules = found.spec?.groups.flatMap((group) => group.rules) ?? [];
    const map = objects.find(({ metadata }) => metadata.name === "posthouse-dashboard") as {
      data?: Record<string, string>;
    };
    const dashboard = JSON.parse(map.data?.["posthouse.json"] ?? "") as { panels: { targets?: { expr: string }[] }[] };
    expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  });

  const named = (name: string): Rule | undefined => rules.find(({ alert }) => alert === name);

  test("ask for metrics that are there", () => {
    const asked = [...rules.map(({ expr }) => expr), ...expressions].flatMap(namesIn);
    expect(asked.length).toBeGreaterThan(40);
    expect([...new Set(asked)].filter((name) => name !== "up" && !known.has(name))).toEqual([]);
  });

  test("close what they open", () => {
    for (const expr of [...rules.map((rule) => rule.expr), ...expressions])
      for (const [open, close] of ["()", "{}", "[]"])
        expect([expr, expr.split(open ?? "").length]).toEqual([expr, expr.split(close ?? "").length]);
  });

  test("say of each alert how bad it is and what it means, once", () => {
    expect(rules.length).toBeGreaterThan(10);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, labels, annotations } of rules) {
      expect(`${alert}: ${labels?.["severity"]}`).toMatch(/: (critical|warning|info)$/);
      expect(`${alert}: ${annotations?.["summary"]}`).toMatch(/: [A-Z].*\.$/);
    }
  });

  test("say of late mail who tells that no relay runs, for then there is no queue to measure", () => {
    expect(named("PosthouseMailIsLate")?.annotations?.["description"]).toMatch(
      /PosthouseRelayDown tells when none runs/,
    );
    expect(named("PosthouseRelayDown")?.expr).toContain("absent(");
  });
});
