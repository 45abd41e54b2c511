import { describe, expect, test } from "vitest";
import type { RateLimit } from "../../contract/rates.ts";
import type { RateLimited } from "../store/spool.ts";
import { rateMemory } from "./rate-memory.ts";

const tenant: RateLimit = { key: "tenant/a/b", perSecond: 5 };
const address: RateLimit = { key: "address/192.0.2.1", perDay: 5 };
const until = (key: string, retryAt: number): RateLimited => ({ kind: "RateLimited", key, retryAt });

describe("a refusal by rate", () => {
  test.each<[string, readonly RateLimit[], number, number, number | undefined]>([
    ["the same", [tenant], 3, 1000, 2000],
    ["the same until its time has come", [tenant], 3, 1999, 2000],
    ["the same when its time has come", [tenant], 3, 2000, undefined],
    ["more recipients", [tenant], 4, 1000, 2000],
    ["fewer recipients", [tenant], 2, 1000, undefined],
    ["the same before the clock was set back", [tenant], 3, 999, undefined],
    ["another limit", [address], 3, 1000, undefined],
    ["the limit among others", [address, tenant], 3, 1000, 2000],
    ["the limit after it was changed", [{ ...tenant, perSecond: 6 }], 3, 1000, undefined],
    ["the limit after it was taken away", [], 3, 1000, undefined],
  ])("of %s is known", (...[, limits, recipients, now, expected]) => {
    const memory = rateMemory();
    memory.note([tenant, address], 3, until(tenant.key, 2000), 1000);
    expect(memory.refusal(limits, recipients, now)?.retryAt).toBe(expected);
  });

  test("of several is the one that holds longest", () => {
    const memory = rateMemory();
    memory.note([tenant, address], 1, until(tenant.key, 2000), 1000);
    memory.note([tenant, address], 1, until(address.key, 9000), 1000);
    expect(memory.refusal([tenant, address], 1, 1000)?.key).toBe(address.key);
  });

  test("of few recipients is not forgotten for one of many, but the other way round", () => {
    const memory = rateMemory();
    memory.note([tenant], 1, until(tenant.key, 2000), 1000);
    memory.note([tenant], 5, until(tenant.key, 3000), 1000);
    expect(memory.refusal([tenant], 1, 1000)?.retryAt).toBe(2000);
    memory.note([tenant], 5, until(tenant.key, 3000), 2000);
    memory.note([tenant], 1, until(tenant.key, 2500), 2000);
    expect(memory.refusal([tenant], 1, 2000)?.retryAt).toBe(2500);
  });

  test("is forgotten when too many come after it", () => {
    const memory = rateMemory(2);
    const limits = ["a", "b", "c"].map((key): RateLimit => ({ key, perDay: 1 }));
    for (const { key } of limits) memory.note(limits, 1, until(key, 2000), 1000);
    expect(limits.map((limit) => memory.refusal([limit], 1, 1000)?.key)).toEqual([undefined, "b", "c"]);
  });
});
