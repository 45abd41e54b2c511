import { describe, expect, test } from "vitest";
import { heldBack, judgeOrphan, lookAgain, orphanGrace, type Missing, type OrphanWorld } from "./orphans.ts";

const minute = 60_000;
const start = Date.parse("2026-12-31T23:30:00Z");
const missing = (age = 0, objects: readonly string[] = ["uid"], kind: Missing["kind"] = "RelayTenant"): Missing => ({
  kind,
  namespace: "a",
  firstMissing: start,
  lookedAt: start,
  age,
  objects,
});

/** How many tenants and domains of a namespace are gone, and how many are there. */
interface Place {
  readonly gone?: readonly [tenants: number, domains: number];
  readonly present?: readonly [tenants: number, domains: number];
  /** Of the domains that are gone so many leave nothing in the contract namespace. */
  readonly madeUp?: number;
}

function some(namespace: string, count: number, kind: Missing["kind"], madeUp = 0): [string, Missing][] {
  return Array.from({ length: count }, (_, i) => {
    const objects = i < madeUp ? [] : [`${namespace}${kind}${i}`];
    return [`${kind}/${namespace}/${i}`, Object.assign(missing(0, objects, kind), { namespace })];
  });
}

/** A fleet, by namespace; as many of what is gone are confirmed. */
function world(places: Readonly<Record<string, Place>>, confirmed = 0): OrphanWorld {
  const all = Object.entries(places).flatMap(([namespace, { gone = [0, 0], madeUp }]) =>
    some(namespace, gone[0], "RelayTenant").concat(some(namespace, gone[1], "SendingDomain", madeUp)),
  );
  return {
    present: new Map(
      Object.entries(places).map(([namespace, { present: [RelayTenant, SendingDomain] = [0, 0] }]) => [
        namespace,
        { RelayTenant, SendingDomain },
      ]),
    ),
    missing: new Map(all),
    confirmed: new Set(all.slice(0, confirmed).map(([text]) => text)),
  };
}

/** Namespaces n1 to nN that are all alike. */
function alike(count: number, place: Place): Record<string, Place> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i + 1}`, place]));
}

function tokenIn(given: OrphanWorld): string | undefined {
  return heldBack(given).values().next().value;
}

/** What is held back, as `namespace: how many` for each token. */
function heldIn(given: OrphanWorld): readonly string[] {
  const groups = Map.groupBy(heldBack(given), ([, token]) => token);
  return [...groups].map(([token, texts]) => {
    const namespaces = new Set(texts.map(([text]) => text.split("/")[1]));
    return `${[...namespaces].join("+")}: ${token.split("-")[0]}`;
  });
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
  test.each<{ name: string; world: OrphanWorld; held: readonly string[] }>([
    { name: "nothing", world: world({ a: { present: [10, 10] } }), held: [] },
    { name: "5 of 5, as few as that may always go", world: world({ a: { gone: [5, 0] } }), held: [] },
    { name: "6 of 6", world: world({ a: { gone: [6, 0] } }), held: ["a: 6"] },
    { name: "exactly 10 %", world: world({ a: { gone: [10, 0], present: [90, 0] } }), held: [] },
    { name: "11 %", world: world({ a: { gone: [11, 0], present: [89, 0] } }), held: ["a: 11"] },
    {
      name: "11 % of the fleet, one in a namespace",
      world: world({ ...alike(11, { gone: [1, 0], present: [8, 0] }), rest: { present: [1, 0] } }),
      held: [`${Object.keys(alike(11, {})).join("+")}: 11`],
    },
    {
      name: "10 % of the fleet, one in a namespace",
      world: world({ ...alike(10, { gone: [1, 0] }), rest: { present: [90, 0] } }),
      held: [],
    },
    {
      name: "a whole kind that is a small part of everything",
      world: world({ a: { gone: [0, 6], present: [100, 0] } }),
      held: ["a: 6"],
    },
    {
      name: "a whole kind, few in each namespace and many in one",
      world: world({ a: { gone: [0, 6], present: [1, 0] }, b: { gone: [0, 2], present: [1, 0] } }),
      held: ["a+b: 8"],
    },
    {
      name: "few of each kind, many together",
      world: world({ a: { gone: [5, 5], present: [10, 10] } }),
      held: ["a: 10"],
    },
    { name: "what was confirmed", world: world({ a: { gone: [11, 0], present: [89, 0] } }, 11), held: [] },
    {
      name: "what went after the confirmation",
      world: world({ a: { gone: [22, 0], present: [89, 0] } }, 11),
      held: ["a: 11"],
    },
    {
      name: "the tenants of a namespace are gone: only the platform deletes those, so it concerns everybody",
      world: world({ a: { gone: [6, 0] }, b: { gone: [1, 0], present: [9, 0] } }),
      held: ["a+b: 7"],
    },
    {
      name: "the domains of a namespace, whose tenant stands, are its own matter",
      world: world({ a: { gone: [0, 50], present: [1, 0] }, b: { gone: [1, 1], present: [9, 9] } }),
      held: ["a: 50"],
    },
    {
      name: "the domains and the tenant of a namespace",
      world: world({ a: { gone: [1, 50] }, b: { gone: [1, 1], present: [9, 9] } }),
      held: ["a+b: 53"],
    },
    {
      name: "two namespaces that lost their domains have a token each",
      world: world({
        a: { gone: [0, 6], present: [1, 0] },
        b: { gone: [0, 7], present: [1, 0] },
        c: { gone: [0, 5], present: [1, 9] },
      }),
      held: ["a: 6", "b: 7"],
    },
    {
      name: "what anybody can make up",
      world: world({ a: { gone: [0, 99], madeUp: 99 }, b: { gone: [1, 0], present: [1, 0] } }),
      held: [],
    },
    {
      name: "what anybody can make up waits with what is held back, and is not in its token",
      world: world({ a: { gone: [6, 99], madeUp: 99 } }),
      held: ["a: 6"],
    },
  ])("$name", ({ world: given, held }) => {
    expect(heldIn(given)).toEqual(held);
  });

  test("has a token for the very objects that would go, whatever their order and age", () => {
    const given = world({ a: { gone: [6, 0] } });
    const token = tokenIn(given);
    expect(token).toMatch(/^6-[0-9a-f]{12}$/);
    const aged = [...given.missing].toReversed().map(([text, each]) => [text, { ...each, age: 5 }] as const);
    expect(tokenIn({ ...given, missing: new Map(aged) })).toBe(token);
    expect(tokenIn(world({ a: { gone: [7, 0] } }))).not.toBe(token);
    expect(tokenIn(world({ a: { gone: [6, 99], madeUp: 99 } }))).toBe(token);
    const anew = [...given.missing].map(
      ([text, each]) => [text, { ...each, objects: [`${each.objects[0]}b`] }] as const,
    );
    expect(tokenIn({ ...given, missing: new Map(anew) })).not.toBe(token);
  });
});
