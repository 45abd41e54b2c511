import { expect, test } from "vitest";
import { decodeUsage, encodeUsage, type TenantUsage } from "./usage.ts";

const spent: TenantUsage = {
  credits: { period: "2026-11", used: 12, topUpsUsed: { "black-friday": 3 } },
  keysUsed: { a1b2c3d4e5f6: 1_700_000_000_000 },
};

test("what a relay says is what the operator reads", () => {
  const rows = new Map<string, TenantUsage>([
    ["team-shop/shop", spent],
    ["team-a/captures-only", { keysUsed: { a1b2c3d4e5f6: 0 } }],
  ]);
  expect(decodeUsage(encodeUsage(rows))).toEqual({ value: rows });
});

test("a tenant that never sent is left out", () => {
  expect(decodeUsage(encodeUsage(new Map([["a/b", { keysUsed: {} }]])))).toEqual({ value: new Map() });
});

test("what a later version adds is ignored", () => {
  const text = JSON.stringify({ version: 1, more: 1, tenants: { "a/b": { ...spent, bounces: 7 } } });
  expect(decodeUsage(text)).toEqual({ value: new Map([["a/b", { ...spent, bounces: 7 }]]) });
});

test.each([
  ["no JSON", "<html>", "it is not JSON"],
  ["nothing", "{}", "/ must have required property 'version'; / must have required property 'tenants'"],
  ["another version", '{"version":2,"tenants":{}}', "/version must be equal to constant"],
  [
    "a number below zero",
    '{"version":1,"tenants":{"a/b":{"keysUsed":{},"credits":{"period":"once","used":-1,"topUpsUsed":{}}}}}',
    "/tenants/a~1b/credits/used must be >= 0",
  ],
  [
    "half a credit",
    '{"version":1,"tenants":{"a/b":{"keysUsed":{},"credits":{"period":"once","used":0.5,"topUpsUsed":{}}}}}',
    "/tenants/a~1b/credits/used must be integer",
  ],
])("%s is no report", (_what, text, error) => {
  expect(decodeUsage(text)).toEqual({ error });
});
