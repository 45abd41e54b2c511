import { describe, expect, test } from "vitest";
import { compileRules } from "./cel-rules.ts";
import type { StructuralSchema } from "./structural-schema.ts";

function ruled(schema: StructuralSchema, ...expressions: string[]): StructuralSchema {
  return { ...schema, "x-kubernetes-validations": expressions.map((rule) => ({ rule, message: "no" })) };
}

const integer: StructuralSchema = { type: "integer" };
const text: StructuralSchema = { type: "string" };

describe("rules see values as the API server does", () => {
  test.each<[string, StructuralSchema, unknown, boolean]>([
    ["self == 3", integer, 3, true],
    ["self / 2 == 1", integer, 3, true],
    ["self >= 0 && self <= 4294967296", integer, 4_294_967_296, true],
    ["self % 2 == 1", integer, 4, false],
    ["self.all(n, n > 1)", { type: "array", items: integer }, [2, 3], true],
    ["self.n + 1 == 3", { type: "object", properties: { n: integer } }, { n: 2 }, true],
    ["size(self) == 1", text, "ü", true],
    ["self < duration('1h')", { type: "string", format: "duration" }, "59m", true],
    ["self < duration('1h')", { type: "string", format: "duration" }, "61m", false],
    [
      "self.a < self.b",
      { type: "object", properties: { a: at(), b: at() } },
      times("T01:30:00+01:00", "T01:00:00Z"),
      true,
    ],
    ["self.missing == 1", { type: "object", properties: {} }, {}, false],
    ["'not a bool'", text, "", false],
  ])("%s", (rule, schema, value, holds) => {
    expect(compileRules(ruled(schema, rule))(value, undefined).length === 0).toBe(holds);
  });
});

function at(): StructuralSchema {
  return { type: "string", format: "date-time" };
}

function times(a: string, b: string): { a: string; b: string } {
  return { a: `2026-11-01${a}`, b: `2026-11-01${b}` };
}

describe("rules on transitions", () => {
  const item: StructuralSchema = {
    type: "object",
    properties: { name: text, size: ruled(integer, "self >= oldSelf") },
  };
  const map: StructuralSchema = {
    type: "array",
    items: item,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
  };
  const check = compileRules({ type: "object", properties: { map, plain: { type: "array", items: item } } });

  test.each<[string, unknown, unknown, string[]]>([
    ["are not for what is new", { map: [{ name: "a", size: 1 }] }, undefined, []],
    [
      "follow an item by its key, not its index",
      {
        map: [
          { name: "b", size: 1 },
          { name: "a", size: 5 },
        ],
      },
      { map: [{ name: "a", size: 5 }] },
      [],
    ],
    [
      "are said at the new place",
      {
        map: [
          { name: "b", size: 1 },
          { name: "a", size: 4 },
        ],
      },
      { map: [{ name: "a", size: 5 }] },
      ["map[1].size"],
    ],
    [
      "do not follow items of other lists",
      { plain: [{ name: "a", size: 1 }] },
      { plain: [{ name: "a", size: 5 }] },
      [],
    ],
  ])("%s", (_, value, before, paths) => {
    expect(check(value, before).map(({ path }) => path)).toEqual(paths);
  });
});
