import { beforeEach, describe, expect, test } from "vitest";
import type { Capture } from "../captures.ts";
import type { Store } from "../store.ts";
import { day, draft, noon } from "./fixture.ts";

/** Octets of each. */
const size = signed("c0").byteLength;

/** `Captures`: kept, shown newest first, pruned by age, number and octets. */
export function capturesContract(store: () => Store, reopen: () => Promise<Store>): void {
  describe("captures", () => {
    beforeEach(async () => {
      for (const [index, environment] of ["staging", "staging", "test", "staging"].entries())
        await store().captures.keep(
          capture(`c${index}`, environment, noon + index * day),
          signed(`c${index}`),
          2 ** 20,
        );
    });

    test("are kept over a restart, newest first", async () => {
      const { captures } = await reopen();
      expect(ids(await captures.list(3))).toEqual(["c3", "c2", "c1"]);
      const of = { tenant: "team-shop/shop", environment: "staging" };
      expect(await captures.list(2, of)).toEqual([
        capture("c3", "staging", noon + 3 * day),
        capture("c1", "staging", noon + day),
      ]);
      expect(Buffer.from((await captures.content("c1")) ?? []).toString()).toBe("signed c1");
      expect(await captures.content("other")).toBeUndefined();
      expect(await captures.list(9, { tenant: "team-shop/shop", environment: "stag" })).toEqual([]);
    });

    test("are not changed when they come again", async () => {
      await store().captures.keep(capture("c1", "staging", noon + 9 * day), signed("again"), 1);
      expect(ids(await store().captures.list(9))).toEqual(["c3", "c2", "c1", "c0"]);
      expect(Buffer.from((await store().captures.content("c1")) ?? []).toString()).toBe("signed c1");
    });
    bounded(store, reopen);
    pruned(store);
  });
}

function bounded(store: () => Store, reopen: () => Promise<Store>): void {
  test("never outgrow their octets: the oldest of the environment go when one comes", async () => {
    const keep = (id: string, at: number, content: Uint8Array, most: number): Promise<void> =>
      store().captures.keep(capture(id, "staging", noon + at * day), content, most);
    await keep("c4", 4, signed("c4"), 3 * size);
    expect(ids(await store().captures.list(9))).toEqual(["c4", "c3", "c2", "c1"]);
    await keep("c5", 5, signed("c5"), 4 * size - 1);
    expect(ids(await store().captures.list(9))).toEqual(["c5", "c4", "c3", "c2"]);
    await keep("c6", 6, Buffer.alloc(5 * size), 4 * size);
    expect(ids(await store().captures.list(9))).toEqual(["c6", "c2"]);
    expect((await store().captures.content("c5")) ?? "gone").toBe("gone");
    const { captures } = await reopen();
    await captures.keep(capture("c7", "staging", noon + 7 * day), signed("c7"), 6 * size);
    expect(ids(await captures.list(9))).toEqual(["c7", "c6", "c2"]);
    await captures.keep(capture("c6", "staging", noon + 9 * day), signed("c6"), 1);
    expect(ids(await captures.list(9))).toEqual(["c7", "c6", "c2"]);
  });
}

function pruned(store: () => Store): void {
  test.each([
    {
      name: "too old",
      now: noon + 3 * day,
      limits: { retention: 2 * day, maxMessages: 9, maxOctets: 99 },
      left: ["c3", "c2"],
    },
    {
      name: "too many",
      now: noon + 3 * day,
      limits: { retention: 9 * day, maxMessages: 1, maxOctets: 99 },
      left: ["c3", "c2"],
    },
    {
      name: "none",
      now: noon + 3 * day,
      limits: { retention: 9 * day, maxMessages: 3, maxOctets: 99 },
      left: ["c3", "c2", "c1", "c0"],
    },
    { name: "all", now: noon + 30 * day, limits: { retention: day, maxMessages: 3, maxOctets: 99 }, left: [] },
    {
      name: "too large",
      now: noon + 3 * day,
      limits: { retention: 9 * day, maxMessages: 9, maxOctets: 2 * size },
      left: ["c3", "c2", "c1"],
    },
    {
      name: "each too large, so that the newest stay",
      now: noon + 3 * day,
      limits: { retention: 9 * day, maxMessages: 9, maxOctets: 1 },
      left: ["c3", "c2"],
    },
  ])("are pruned: $name", async ({ now, limits, left }) => {
    expect(await store().captures.prune(now, limits)).toBe(4 - left.length);
    expect(ids(await store().captures.list(9))).toEqual(left);
    for (const id of ["c0", "c1", "c2", "c3"])
      expect((await store().captures.content(id)) !== undefined).toBe(left.includes(id));
    expect(await store().captures.prune(now, limits)).toBe(0);
  });
}

function capture(id: string, environment: string, capturedAt: number): Capture {
  return { envelope: draft(id, { environment }).envelope, recipients: [{ address: "bob@example.net" }], capturedAt };
}

function signed(id: string): Uint8Array {
  return Buffer.from(`signed ${id}`);
}

function ids(captures: readonly Capture[]): readonly string[] {
  return captures.map((one) => one.envelope.id);
}
