import { expect, test } from "vitest";
import { due, emptyBook, enter, usualLimits, written, type EventBook, type Happening } from "./event-book.ts";

const happening = (more: Partial<Happening> = {}, name = "shop"): Happening => ({
  regarding: { apiVersion: "posthouse.dev/v1alpha1", kind: "RelayTenant", namespace: "team", name, uid: `u-${name}` },
  type: "Normal",
  reason: "KeyAllotted",
  action: "CreateKey",
  note: "Selector s1.",
  ...more,
});

function write(book: EventBook, now: number): readonly string[] {
  return due(book, now).keys.map((key) => {
    const series = book.series.get(key)!;
    written(book, key, series, now);
    return `${series.notes.join(" ")} x${series.count}`;
  });
}

test("what happens together is one Event, after a moment", () => {
  const book = emptyBook();
  enter(book, happening(), 0);
  enter(book, happening({ note: "Selector s1-ed." }), 10);
  enter(book, happening({ reason: "OwnershipProven", note: "Proven." }), 20);
  expect(due(book, 999)).toEqual({ keys: [], nextAt: 1000 });
  expect(write(book, 1020)).toEqual(["Selector s1. Selector s1-ed. x1", "Proven. x1"]);
  expect(due(book, 2000)).toEqual({ keys: [] });
});

test("what happens again is counted, at most once a minute; another note is another Event", () => {
  const book = emptyBook();
  enter(book, happening(), 0);
  write(book, 1000);
  for (let at = 2000; at < 30_000; at += 1000) enter(book, happening(), at);
  expect(due(book, 30_000)).toEqual({ keys: [], nextAt: 61_000 });
  expect(write(book, 61_000)).toEqual(["Selector s1. x29"]);
  enter(book, happening({ note: "Selector s2." }), 62_000);
  expect(write(book, 63_000)).toEqual(["Selector s2. x1"]);
  enter(book, happening({ note: "Selector s2." }), 62_000 + usualLimits.window + 1);
  expect(write(book, 700_000)).toEqual(["Selector s2. x1"]);
});

test("an object tells ten things at once and then one in five minutes; others are not held up by it", () => {
  const book = emptyBook();
  const tell = (now: number, n: number) => enter(book, happening({ reason: `R${n}` }), now);
  const lost = Array.from({ length: 30 }, (_, n) => tell(0, n)).filter((count) => count > 0);
  expect(lost).toHaveLength(20);
  expect(enter(book, happening({}, "other"), 0)).toBe(0);
  expect([tell(300_000, 40), tell(300_000, 41), tell(900_000, 42), tell(900_000, 43)]).toEqual([0, 1, 0, 0]);
});

test("memory is bounded, whoever makes up objects", () => {
  const book = emptyBook();
  const limits = { ...usualLimits, most: 100 };
  let lost = 0;
  for (let n = 0; n < 1000; n++) lost += enter(book, happening({}, `n${n}`), n, limits);
  expect([book.series.size, book.open.size, book.budgets.size, lost]).toEqual([100, 100, 100, 900]);
});
