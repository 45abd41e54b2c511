import { describe, expect, test } from "vitest";
import { checkRule, isTransitionRule } from "./rule-check.ts";
import type { StructuralSchema } from "./structural-schema.ts";

const list: StructuralSchema = {
  type: "array",
  maxItems: 100,
  items: { type: "object", properties: { name: { type: "string", maxLength: 253 } } },
};
const schema: StructuralSchema = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 10 },
    list,
    words: { type: "array", maxItems: 4, items: { type: "string", maxLength: 5 } },
  },
};

describe("checkRule", () => {
  test.each([
    ["self.name == 'a' || size(self.list) > 2"],
    ["has(self.name) && self.name.matches('^a+$') && self.name.startsWith('a')"],
    ["self.list.all(x, x.name != self.name)"],
    ["self.list.filter(x, x.name == 'a').size() == 1"],
    ["self.words[0] == 'a' && 'b' in self.words"],
    ["duration(self.name) > duration('1h')"],
    ["self.name == oldSelf.name"],
    ["self.name in ['a', 'b'] ? !has(self.list) : -1 < 0"],
  ])("accepts %s", (rule) => {
    expect(checkRule(rule, schema).problems).toEqual([]);
  });

  test.each([
    ["self.nam == 'a'", "no field nam"],
    ["self.list.all(x, x.nmae == 'a')", "no field nmae"],
    ["other == 1", "unknown name other"],
    ["self.name.split(',')[0] == 'a'", "split is not allowed"],
    ["cidr(self.name).ip() == ip('10.0.0.1')", "cidr is not allowed"],
    ["quantity(self.name) > 1", "quantity is not allowed"],
    ["self.words.isSorted()", "isSorted is not allowed"],
    ["self.name.find('a') == 'a'", "find is not allowed"],
    ["timestamp(self.name) > 1", "timestamp is not allowed"],
    ["{'a': 1} == self", "operator map"],
    ["self.name == ", ""],
    ["self.list.all(a, self.list.all(b, self.list.all(c, self.list.all(d, a.name != d.name))))", "may cost"],
  ])("refuses %s", (rule, problem) => {
    expect(checkRule(rule, schema).problems.join("; ")).toContain(problem);
    expect(checkRule(rule, schema).problems).not.toEqual([]);
  });

  // As kube-apiserver 1.36 estimated them.
  test.each([
    ["self.list.all(a, a.n == 1)", 2_000_000, 5, 10_000_000],
    ["self.list.all(a, a.name == self.name)", 100_000, 500, 20_500_000],
    ["self.list.all(a, self.list.all(b, a.n == b.n))", 2000, 5, 27_500_000],
    ["self.list.all(a, self.list.all(b, a.name == b.name))", 1000, 500, 206_500_000],
    ["self.list.all(a, self.list.filter(b, a.n == b.n).size() == 1)", 2000, 5, 67_500_000],
    ["self.list.map(a, a.n).size() > 1", 2_000_000, 5, 27_500_000],
    ["self.list.all(a, a.n in [1, 2, 3])", 1_000_000, 5, 17_500_000],
  ])("%s costs no less than the API server says", (rule, maxItems, maxLength, least) => {
    const name = { type: "string", maxLength } as const;
    const items: StructuralSchema = { type: "object", properties: { name, n: { type: "integer" } } };
    const whole: StructuralSchema = { type: "object", properties: { name, list: { type: "array", maxItems, items } } };
    const { cost } = checkRule(rule, whole);
    expect(cost).toBeGreaterThanOrEqual(least);
    expect(cost).toBeLessThan(2 * least);
  });

  test("a rule in a list costs as often as the list has elements", () => {
    const once = checkRule("self.name == 'a'", schema);
    expect(checkRule("self.name == 'a'", schema, 10)).toEqual({ problems: [], cost: once.cost * 10 });
    expect(checkRule("self.name == 'a'", schema, Infinity).problems).not.toEqual([]);
  });

  test("a rule costs more the longer the lists and strings are", () => {
    expect(checkRule("self.list.all(x, x.name == x.name)", schema).cost).toBeGreaterThan(100 * 100);
    expect(checkRule("self.words.all(x, x == self.name)", schema).cost).toBeLessThan(100);
  });
});

test.each([
  ["self == oldSelf", true],
  ["self.a == oldSelf.a", true],
  ["self == 'oldSelf'", false],
  ["self.oldSelfish == 1", false],
])("isTransitionRule(%s) is %s", (rule, verdict) => {
  expect(isTransitionRule(rule)).toBe(verdict);
});
