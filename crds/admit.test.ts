import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { admit } from "./admit.ts";
import type { Verdict } from "./admit.ts";

const fixtures = new URL("../test/fixtures/manifests/", import.meta.url);

/** A fixture: one document is created; of two, the first stands and the second is its update. */
interface Fixture {
  readonly file: string;
  readonly text: string;
  readonly verdict: Verdict;
}

function load(folder: "good" | "bad"): Fixture[] {
  const base = new URL(`${folder}/`, fixtures);
  return readdirSync(base).map((file) => {
    const text = readFileSync(new URL(file, base), "utf8");
    const [first, second] = parseAllDocuments(text).map((document): object => document.toJS());
    return { file, text, verdict: second ? admit(second, first) : admit(first) };
  });
}

/** What the leading comment of a bad fixture says. */
function expected(text: string): { path: string | undefined; rule: string | undefined } {
  return { path: /^# path: (.*)$/m.exec(text)?.[1], rule: /^# rule: (.*)$/m.exec(text)?.[1] };
}

describe("manifests, by the committed CRDs", () => {
  test.each(load("good"))("good/$file is admitted", ({ verdict }) => {
    expect(verdict).toHaveProperty("object");
  });

  test.each(load("bad"))("bad/$file is refused for exactly what its comment says", ({ text, verdict }) => {
    const problems = "problems" in verdict ? verdict.problems : [];
    expect(problems.map(({ path, rule }) => ({ path, rule }))).toEqual([expected(text)]);
    expect(problems[0]?.message).not.toBe("");
  });

  test("the table is large enough to mean something", () => {
    expect(load("good").length + load("bad").length).toBeGreaterThan(40);
  });
});

describe("admit", () => {
  const tenant = {
    apiVersion: "posthouse.dev/v1alpha1",
    kind: "RelayTenant",
    metadata: { name: "shop" },
    spec: { allowance: { plan: "Pro", credits: { type: "Unlimited" } }, environments: [{ name: "a" }] },
  };

  test("fills defaults from the outside in, and the namespace", () => {
    expect(admit(tenant)).toEqual({
      object: {
        ...tenant,
        metadata: { name: "shop", namespace: "default" },
        spec: {
          allowance: { plan: "Pro", credits: { type: "Unlimited" }, topUps: [], standing: "Normal" },
          sending: "Enabled",
          environments: [{ name: "a", mode: "Disabled", credentials: [] }],
          revokedKeyIds: [],
          delivery: { route: "Direct", tlsPolicy: "Opportunistic" },
        },
        status: { observedGeneration: -1 },
      },
    });
  });

  test("leaves what it was given as it was", () => {
    const given = structuredClone(tenant);
    admit(given);
    expect(given).toEqual(tenant);
  });

  test.each([
    ["null", null],
    ["a list", [tenant]],
    ["a string", "kind: RelayTenant"],
    ["nothing", undefined],
  ])("refuses %s", (_, value) => {
    expect(admit(value)).toMatchObject({ problems: [{ path: "", rule: "type" }] });
  });

  test("a field named __proto__ is an unknown field like any other", () => {
    const hostile: unknown = JSON.parse(JSON.stringify(tenant).replace('"plan"', '"__proto__":{"credits":1},"plan"'));
    expect(admit(hostile)).toMatchObject({ problems: [{ path: "spec.allowance.__proto__", rule: "unknown-field" }] });
  });

  test("every mistake is said at once", () => {
    const verdict = admit({ ...tenant, metadata: { name: "SHOP" }, spec: { sending: "On", extra: 1 } });
    const paths = "problems" in verdict ? verdict.problems.map(({ path }) => path) : [];
    expect(paths.toSorted()).toEqual(["metadata.name", "spec.allowance", "spec.extra", "spec.sending"]);
  });
});
