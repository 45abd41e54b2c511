import { describe, expect, test } from "vitest";
import { heldBack, judgeOrphan, lookAgain, orphanGrace, type Missing, type OrphanWorld } from "./orphans.ts";

const minute = 60_000;
const start = Date.parse("2026-12-31T23:30:00Z");
const missing = (age = 0, objects: readonly string[] = ["uid"], kind: Missing["kind"] = "RelayTenant"): Missing => ({
  kind,
  firstMissing: start,
  lookedAt: start,
  age,
  objects,
});

function some(count: number, kind: Missing["kind"]): readonly (readonly [string, Missing])[] {
  return Array.from({ length: count }, (_, i) => [`${kind}/a/${i}`, missing(0, [`${kind}${i}`], kind)]);
}

/** Tenants and domains that are gone and that are there; as many of those that are gone are confirmed. */
function world(gone: readonly [number, number], present: readonly [number, number], confirmed = 0): OrphanWorld {
  const all = new Map([...some(gone[0], "RelayTenant"), ...some(gone[1], "SendingDomain")]);
  return {
    present: { RelayTenant: present[0], SendingDomain: present[1] },
    missing: all,
    confirmed: new Set([...all.keys()].slice(0, confirmed)),
  };
}

describe("an orphan", () => {
  test.each([
    { name: "waits at first", age: 0, expected: { kind: "Wait", after: 60 * minute } },
    { name: "waits to the end of its hour", age: 60 * minute - 1, expected: { kind: "Wait", after: 1 } },
    { name: "goes after an hour", age: 60 * minute, expected: { kind: "Delete" } },
    {
      name: "is held back with many others",
      age: 90 * minute,
      token: "6-a",
      expected: { kind: "HoldBack", token: "6-a" },
    },
    { name: "is held back at once", age: 0, token: "6-a", expected: { kind: "HoldBack", token: "6-a" } },
  ])("$name", ({ age, token, expected }) => {
    expect(judgeOrphan(missing(age), token, orphanGrace)).toEqual(expected);
  });
});

describe("the age of an orphan", () => {
  test.each([
    { name: "is what passed while somebody looked", looks: [5, 10, 15], age: 15 },
    { name: "does not grow by a clock that jumps a year ahead", looks: [5, 525_605, 525_610], age: 20 },
    { name: "does not shrink by a clock that jumps back", looks: [5, -600, -595], age: 10 },
    { name: "does not grow while a machine sleeps", looks: [5, 600], age: 15 },
  ])("$name", ({ looks, age }) => {
    const first = lookAgain(undefined, missing(), orphanGrace, start);
    const last = looks.reduce((seen, at) => lookAgain(seen, seen, orphanGrace, start + at * minute), first);
    expect(last.age).toBe(age * minute);
    expect(last.firstMissing).toBe(start);
  });
});

describe("too much at once", () => {
  test.each<{ name: string; world: OrphanWorld; held: number | undefined }>([
    { name: "nothing", world: world([0, 0], [10, 10]), held: undefined },
    { name: "5 of 5, as few as that may always go", world: world([5, 0], [0, 0]), held: undefined },
    { name: "6 of 6", world: world([6, 0], [0, 0]), held: 6 },
    { name: "exactly 10 %", world: world([10, 0], [90, 0]), held: undefined },
    { name: "11 %", world: world([11, 0], [89, 0]), held: 11 },
    { name: "a whole kind that is a small part of everything", world: world([0, 6], [100, 0]), held: 6 },
    { name: "few of each kind, many together", world: world([5, 5], [10, 10]), held: 10 },
    { name: "what was confirmed", world: world([11, 0], [89, 0], 11), held: undefined },
    { name: "what went after the confirmation", world: world([22, 0], [89, 0], 11), held: 11 },
  ])("$name", ({ world: given, held }) => {
    const token = heldBack(given);
    expect(token === undefined ? undefined : Number(token.split("-")[0])).toBe(held);
  });

  test("has a token for the very objects that would go, whatever their order and age", () => {
    const given = world([6, 0], [0, 0]);
    const token = heldBack(given);
    expect(token).toMatch(/^6-[0-9a-f]{12}$/);
    const aged = [...given.missing].toReversed().map(([text, each]) => [text, { ...each, age: 5 }] as const);
    expect(heldBack({ ...given, missing: new Map(aged) })).toBe(token);
    expect(heldBack(world([7, 0], [0, 0]))).not.toBe(token);
    const anew = [...given.missing].map(
      ([text, each]) => [text, { ...each, objects: [`${each.objects[0]}b`] }] as const,
    );
    expect(heldBack({ ...given, missing: new Map(anew) })).not.toBe(token);
  });
});
