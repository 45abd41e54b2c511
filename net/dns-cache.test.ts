import { describe, expect, test } from "vitest";
import type { Clock } from "../runtime/clock.ts";
import { cachedResolver, cacheTime, mailCacheLimits, type CacheLimits } from "./dns-cache.ts";
import type { Answer, RecordType, Resolver } from "./resolver.ts";

const limits: CacheLimits = { maxPositive: 60_000, maxNegative: 10_000, failure: 5000, maxEntries: 3 };

describe("cacheTime", () => {
  test.each<[Answer, number]>([
    [{ kind: "Records", values: [], ttl: 30 }, 30_000],
    [{ kind: "Records", values: [], ttl: 3600 }, 60_000],
    [{ kind: "Records", values: [], ttl: 0 }, 0],
    [{ kind: "NXDomain", negativeTtl: 5 }, 5000],
    [{ kind: "NoData", negativeTtl: 900 }, 10_000],
    [{ kind: "NoData" }, 0],
    [{ kind: "Failed", reason: "SERVFAIL" }, 5000],
  ])("%j is kept for %d ms", (answer, want) => expect(cacheTime(answer, limits)).toBe(want));
});

/** A resolver that counts, with an answer of 30 s, and a clock that stands still. */
function fixture(bounds = limits) {
  const asked: string[] = [];
  let now = 1_000_000;
  const clock: Clock = {
    now: () => now,
    after: () => () => undefined,
    sleep: () => Promise.resolve(),
  };
  const resolver: Resolver = {
    async resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
      asked.push(`${name} ${type}`);
      await Promise.resolve();
      return { kind: "Records", values: [], ttl: 30 };
    },
  };
  return {
    asked,
    cached: cachedResolver(resolver, clock, bounds),
    move: (by: number) => {
      now += by;
    },
  };
}

describe("cachedResolver", () => {
  test("asks once while the answer is fresh, whatever the case of the name, and each type on its own", async () => {
    const { asked, cached, move } = fixture();
    await cached.resolve("a.example", "A");
    move(29_999);
    await cached.resolve("A.Example.", "A");
    await cached.resolve("a.example", "AAAA");
    expect(asked).toEqual(["a.example A", "a.example AAAA"]);
  });

  test("asks again when it is stale, and when the clock jumped back further than an answer may live", async () => {
    const { asked, cached, move } = fixture();
    await cached.resolve("a.example", "A");
    move(30_000);
    await cached.resolve("a.example", "A");
    move(-100_000);
    await cached.resolve("a.example", "A");
    expect(asked).toHaveLength(3);
  });

  test("asks once for callers at the same time", async () => {
    const { asked, cached } = fixture();
    await Promise.all([cached.resolve("a.example", "A"), cached.resolve("a.example", "A")]);
    expect(asked).toHaveLength(1);
  });

  test("forgets the oldest when it is full", async () => {
    const { asked, cached } = fixture();
    for (const name of ["a", "b", "c", "d", "b", "a"]) await cached.resolve(name, "A");
    expect(asked).toEqual(["a A", "b A", "c A", "d A", "a A"]);
  });

  test("answers an aborted caller at once and the others in the end", async () => {
    const { cached } = fixture(mailCacheLimits);
    const aborted = cached.resolve("a.example", "A", AbortSignal.abort());
    const other = cached.resolve("a.example", "A");
    expect(await aborted).toEqual({ kind: "Failed", reason: "aborted" });
    expect((await other).kind).toBe("Records");
  });
});
